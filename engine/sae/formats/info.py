"""What is known of a saved autoencoder without loading it. Torch-free."""

from pathlib import Path
from typing import Literal

import msgspec

from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.formats import own, sae_lens
from engine.sae.formats.metadata import SAEMetadata, read_metadata

Layout = Literal["sae_lens", "own"]


class SavedSAEInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A saved autoencoder, described as it was trained."""

    architecture: str
    d_in: int
    d_sae: int
    k: int | None
    transcodes: bool
    """Whether it predicts other activations than it reads."""
    metadata: SAEMetadata


def read_sae_info(folder: Path) -> SavedSAEInfo:
    """What `folder` holds. UserError, naming the field, if that can't be made out."""
    config, metadata = read_config(folder), read_metadata(folder)
    trained = metadata.trained_as or config
    return SavedSAEInfo(
        architecture=trained.architecture,
        d_in=config.d_in,
        d_sae=config.d_sae,
        k=trained.k,
        transcodes=config.transcodes,
        metadata=metadata,
    )


def read_config(folder: Path) -> SAEConfig:
    """The configuration of the autoencoder in `folder`, whichever its layout."""
    return sae_lens.read_config(folder) if layout(folder) == "sae_lens" else own.read_config(folder)


def layout(folder: Path) -> Layout:
    """How the autoencoder in `folder` is laid out. UserError if there is none."""
    if (folder / sae_lens.CONFIG).exists():
        return "sae_lens"
    if (folder / own.CONFIG).exists():
        return "own"
    raise UserError(
        f"{folder} holds no autoencoder.",
        f"There is neither {sae_lens.CONFIG} (SAELens) nor {own.CONFIG} in it.",
    )
