"""Autoencoders on disk: a folder with the weights in a published layout where there is one.

A `TopK` is saved as SAELens 6 saves it, the seed's two in a layout of our own, and beside either
lies `brainsurg.json` (`engine.sae.metadata`).
"""

from pathlib import Path

import torch

from engine.files import whole_folder, write_whole
from engine.sae.architectures.topk import TopK
from engine.sae.base import SparseAutoencoder
from engine.sae.formats import own, sae_lens
from engine.sae.formats.records import record_bytes
from engine.sae.metadata import FILE, SAEMetadata, layout, read_config, read_metadata
from engine.sae.registry import outline


def save_sae(
    sae: SparseAutoencoder, folder: Path, metadata: SAEMetadata, *, replace: bool = False
) -> None:
    """Write an autoencoder to `folder`, which appears whole. UserError if it is already there."""
    with whole_folder(folder, replace=replace) as temporary:
        if isinstance(sae, TopK):
            sae_lens.write(
                sae,
                temporary,
                model=metadata.model,
                site=metadata.site,
                context=metadata.context,
            )
        else:
            own.write(sae, temporary)
        save_metadata(temporary, metadata)


def save_metadata(folder: Path, metadata: SAEMetadata) -> None:
    """Write or replace what is known of the autoencoder in `folder`."""
    write_whole(folder / FILE, record_bytes(metadata))


def load_sae(
    folder: Path, device: torch.device | str = "cpu"
) -> tuple[SparseAutoencoder, SAEMetadata]:
    """The autoencoder in `folder`, for inference, and where it comes from.

    Raises UserError, naming the file and the field, for what is missing, damaged or unknown.
    """
    config = read_config(folder)
    read_weights = sae_lens.read_weights if layout(folder) == "sae_lens" else own.read_weights
    sae = outline(config)
    sae.load_state_dict(read_weights(folder, config), assign=True)
    return sae.to(device).requires_grad_(False).eval(), read_metadata(folder)
