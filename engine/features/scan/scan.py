"""What every feature of an SAE responds to: the scan that makes a feature catalogue."""

import functools
import hashlib
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.row_summary import RowChoice
from engine.activations.store.tokens import TokenTable
from engine.features.catalogue.catalogue import (
    CatalogueManifest,
    write_catalogue_manifest,
)
from engine.features.scan.blocks import blocks
from engine.features.scan.collect.codes import ROOM, most_bytes, stretch_of
from engine.features.scan.collect.collection import Collectors
from engine.features.scan.collect.collector import write_arrays
from engine.features.scan.collect.rows import SparseRows
from engine.features.scan.document_categories import read_categories
from engine.features.scan.token_effects import write_token_effects
from engine.features.scan.unfinished import UnfinishedScan, scan_identity
from engine.files import check_absent, whole_folder
from engine.model.load import LanguageModel
from engine.model.site import Site
from engine.progress import SILENT, Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.blocks import BLOCK_ELEMENTS, rows_per_block


class ScanOutcome(NamedTuple):
    """What a scan wrote, and how much of it was new work."""

    manifest: CatalogueManifest
    encoded: int
    """Tokens that were encoded; fewer than the set has where the scan went on from before."""


_DENSE = 4
"""Arrays [rows, features] of 4 bytes that are held at once."""


@torch.no_grad()
def scan(
    sae: SparseAutoencoder,
    acts: ActivationSet,
    folder: Path,
    *,
    top_k: int = 20,
    radius: int = 16,
    room: int = ROOM,
    seed: int = 0,
    choice: RowChoice = "text",
    given: NDArray[np.bool_] | None = None,
    lm: LanguageModel | None = None,
    site: Site | None = None,
    unfinished: Path | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> ScanOutcome:
    """Write the feature catalogue of `sae` over `acts` into `folder`.

    The set streams by once, and is encoded once, for all features together; whatever is kept of
    them comes from what is active alone (`engine.features.scan.collect`). How much memory that
    takes is known, and told, before it begins.

    In the figures are the tokens of the `choice`, without more said those of text: BOS and sinks
    are left out, as training leaves them out and interventions don't edit them
    (`engine.activations.store.row_kinds`); of these those that are `given` [tokens], if it is said.
    With the model `lm` the catalogue also tells which tokens each feature promotes and suppresses;
    `site` is where the features write, None: in the residual stream.

    `unfinished`: a folder for the catalogue of what was seen so far, written now and then while the
    scan goes on. If it holds an interrupted scan of the same, that goes on where it stood, and ends
    with the same bytes.

    Raises UserError if `folder` exists and is not to be replaced, or if the widths don't fit.
    """
    acts.check_width(sae.config.d_in)
    if not replace:
        check_absent(folder)
    progress = progress or SILENT
    features, tokens = sae.config.d_sae, len(acts)
    categories, category_of = read_categories(acts.folder)
    room = min(room, tokens * (1 + features))
    new_collection = functools.partial(
        Collectors,
        features,
        top_k=top_k,
        radius=radius,
        category_of=category_of.numpy(),
        categories=len(categories),
        seed=seed,
        room=room,
        stretch=stretch_of(acts.manifest.context),
    )
    rows = acts.measure_rows(progress)
    settings: tuple[int, ...] = (top_k, radius, room, seed)
    counted = rows.taken(choice)
    if given is not None:
        counted &= given
        digest = hashlib.blake2b(np.packbits(given).tobytes(), digest_size=7).digest()
        settings = (*settings, int.from_bytes(digest))
    name = "" if unfinished is None else scan_identity(sae, acts, settings, rows, choice)
    saved = UnfinishedScan(unfinished, name)
    collection, start = saved.restore(new_collection, progress)
    most = collection.bytes + most_bytes(room, tokens) + _DENSE * 4 * max(BLOCK_ELEMENTS, features)
    most += 2 * features * sae.config.d_in  # the encoder in bf16
    progress.note(f"The scan of {features:,} features holds at most {most / 1e6:,.0f} MB.")

    text_digest = TokenTable(acts.folder, acts.manifest).text_digest

    def manifest(*, complete: bool) -> CatalogueManifest:
        return CatalogueManifest(
            activations=acts.folder.name,
            model=acts.manifest.model,
            model_dtype=acts.manifest.model_dtype,
            quantisation=acts.manifest.quantisation,
            site=acts.manifest.site,
            features=features,
            alive=int((collection.moments.count > 0).sum()),
            tokens=collection.moments.tokens,
            keep_sinks=choice != "text",
            row_summary=rows.summary,
            total_tokens=tokens,
            documents=acts.manifest.documents,
            text_digest=text_digest,
            active_threshold=sae.active_threshold,
            top_k=top_k,
            radius=radius,
            categories=categories,
            complete=complete,
        )

    find, device = sae.finder(), sae.W_dec.device
    for block in blocks(acts, counted, rows_per_block(features), start):
        if saved.due() or progress.interrupted:
            saved.save(collection, manifest(complete=False), block.start)
            alive = {"alive": float((collection.moments.count > 0).sum())}
            progress("scan", block.start, tokens, "tokens", alive)
        progress("scan", block.start, tokens, "tokens")
        collection.add(SparseRows.encode(find, block, device))
    progress("scan", tokens, tokens, "tokens")
    if lm is not None:  # its tokens may take a while: all else can be read meanwhile
        saved.save(collection, manifest(complete=False), tokens)
    collection.examples.finish()
    with whole_folder(folder, replace=replace) as temporary:
        write_arrays(temporary, collection.catalogue_arrays())
        write_arrays(temporary, collection.codes.code_arrays())
        if lm is not None:
            write_token_effects(lm, sae.W_dec, temporary / "tokens", progress, site)
        whole = manifest(complete=True)
        write_catalogue_manifest(temporary, whole)
    if unfinished is not None:
        shutil.rmtree(unfinished, ignore_errors=True)
    return ScanOutcome(whole, tokens - start)
