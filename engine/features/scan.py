"""What every feature of an SAE responds to: the scan that makes a feature catalogue."""

from pathlib import Path

import torch

from engine.activations.store import ActivationSet
from engine.features.block import Block
from engine.features.catalogue import Manifest, write_manifest
from engine.features.categories import categories_of
from engine.features.directions import write_directions
from engine.features.figures import Figures
from engine.features.stretches import Stretch, stretches
from engine.features.windows import Windows
from engine.files import whole_folder
from engine.model.load import LanguageModel
from engine.progress import Progress, Silent
from engine.sae.base import SparseAutoencoder

_ELEMENTS = 1 << 24


@torch.no_grad()
def scan(
    sae: SparseAutoencoder,
    acts: ActivationSet,
    folder: Path,
    *,
    top_k: int = 20,
    radius: int = 16,
    lm: LanguageModel | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Write the feature catalogue of `sae` over `acts` into `folder`.

    All features are taken in together while the set streams by once. Then the tokens around the
    examples that were kept, and no others, are encoded again to fill the examples' windows.

    Beginning-of-sequence tokens are left out of every figure: models park huge activations on them
    that say nothing of the text, training leaves them out, and interventions don't edit them. With
    the model `lm` the catalogue also tells which tokens each feature promotes and suppresses.

    Memory: a few blocks of 64 MiB, and for each feature 36 + 44 · top_k bytes and 8 a category.
    Raises UserError if `folder` exists and is not to be replaced, or if the widths don't fit.
    """
    acts.check_width(sae.config.d_in)
    progress = progress or Silent()
    features, tokens = sae.config.d_sae, len(acts)
    categories, category_of = categories_of(acts.folder)
    figures = Figures(features, top_k, category_of.to(sae.W_dec.device), len(categories))
    rows = rows_per_block(features)
    with whole_folder(folder, replace=replace) as temporary:
        for stretch in stretches(acts, rows):
            progress("scan", stretch.start, tokens, "tokens")
            if stretch.counted.any():
                figures.add(_block(sae, stretch))
        progress("scan", tokens, tokens, "tokens")
        figures.write(temporary)

        windows = Windows(
            temporary / "examples",
            figures.examples,
            acts.document_bounds,
            radius=radius,
            threshold=sae.active_threshold,
        )
        for stretch in stretches(acts, rows):
            progress("examples", stretch.start, tokens, "tokens")
            wanted = windows.wanted(stretch.start, len(stretch)) & stretch.counted
            if wanted.any():
                acts_here = sae.encode(stretch.acts[wanted].to(sae.W_dec.device))
                windows.add(stretch.start, acts_here, wanted)
        progress("examples", tokens, tokens, "tokens")
        windows.close()

        if lm is not None:
            write_directions(lm, sae.W_dec, temporary / "tokens", progress)
        manifest = Manifest(
            activations=acts.folder.name,
            model=acts.manifest.model,
            site=acts.manifest.site,
            features=features,
            alive=int((figures.moments.count > 0).sum()),
            tokens=figures.moments.tokens,
            documents=acts.manifest.documents,
            active_threshold=sae.active_threshold,
            top_k=top_k,
            radius=radius,
            categories=categories,
        )
        write_manifest(temporary, manifest)
    return manifest


def rows_per_block(features: int) -> int:
    """How many rows keep one [rows, features] float32 array within 64 MiB."""
    return max(1, _ELEMENTS // features)


def _block(sae: SparseAutoencoder, stretch: Stretch) -> Block:
    """What is active on the counted rows of a stretch."""
    device = sae.W_dec.device
    x, documents, positions = (
        column[stretch.counted].to(device)
        for column in (stretch.acts, stretch.documents, stretch.positions)
    )
    return Block.of(sae.encode(x), sae.active_threshold, documents, positions)
