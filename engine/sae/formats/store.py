"""Autoencoders on disk: a folder with the weights in a published layout where there is one.

What SAELens 6 has an architecture for is saved as SAELens saves it, ready for inference (see
`engine.sae.formats.inference`), all else in a layout of our own. Beside either lies
`brainsurg.json` (`engine.sae.formats.metadata`), which tells what was trained.
"""

from pathlib import Path

import msgspec
import torch

from engine.errors import UserError
from engine.files import whole_folder, write_whole
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats import own, sae_lens
from engine.sae.formats.inference import at_inference
from engine.sae.formats.info import layout
from engine.sae.formats.metadata import FILE, SAEMetadata, read_metadata
from engine.sae.formats.records import record_bytes
from engine.sae.formats.sae_lens_cfg import architecture_of


def save_sae(
    sae: SparseAutoencoder, folder: Path, metadata: SAEMetadata, *, replace: bool = False
) -> SAEMetadata:
    """Write an autoencoder to `folder`, which appears whole.

    UserError if it is already there, or if a weight is no finite number: what was written then
    could not be read again.

    Gives the metadata that lies beside it, which tells what was trained if that changes here.
    """
    usable = at_inference(sae)
    if not usable.weights_are_finite():
        raise UserError(f"{folder.name} is not saved: it has weights that are no finite numbers.")
    if usable is not sae:
        metadata = msgspec.structs.replace(metadata, trained_as=sae.config)
    with whole_folder(folder, replace=replace) as temporary:
        if architecture_of(usable.config):
            sae_lens.write(usable, temporary, metadata)
        else:
            own.write(usable, temporary)
        save_metadata(temporary, metadata)
    return metadata


def save_metadata(folder: Path, metadata: SAEMetadata) -> None:
    """Write or replace what is known of the autoencoder in `folder`."""
    write_whole(folder / FILE, record_bytes(metadata))


def load_sae(
    folder: Path, device: torch.device | str = "cpu"
) -> tuple[SparseAutoencoder, SAEMetadata]:
    """The autoencoder in `folder`, for inference, and where it comes from.

    Raises UserError, naming the file and the field, for what is missing, damaged or unknown.
    """
    module = sae_lens if layout(folder) == "sae_lens" else own
    return module.read_sae(folder).to(device), read_metadata(folder)
