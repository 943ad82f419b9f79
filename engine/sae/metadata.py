"""What is known of a saved autoencoder without loading it. Torch-free.

Beside the weights lies `brainsurg.json`, an `SAEMetadata`. A folder that another library wrote has
none: then nothing but the configuration is known.
"""

from pathlib import Path
from typing import Literal

import msgspec

from engine.errors import UserError
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.formats import own, sae_lens
from engine.sae.formats.records import read_record

FILE = "brainsurg.json"

Layout = Literal["sae_lens", "own"]


class SAEMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Where an autoencoder comes from, and how good it is; empty where unknown."""

    model: str = ""
    """The model whose activations it reads, as the user named it."""
    revision: str | None = None
    """The model's commit on the hub, where it has one."""
    site: str = ""
    """Where in the model, as `engine.model.site` spells it."""
    target_site: str = ""
    """For a transcoder: where in the model the activations are that it predicts."""
    tokenizer: str = ""
    activations: str = ""
    """The activation set that it was trained on; empty, too, where it learned from a stream."""
    target: str = ""
    """For a transcoder: the set of what it learned to predict."""
    context: int | None = None
    """Longest stretch of text that the model saw at once, in tokens."""
    trained_as: SAEConfig | None = None
    """What was trained, where something else is loaded: batchtopk and matryoshka, with their k and
    groups, are jumprelu once they are trained."""
    train_config: TrainConfig | None = None
    trained_tokens: int = 0
    """Activation vectors that it was trained on, repeats counted."""
    metrics: dict[str, float] = {}
    """Figures of `engine.sae.evaluate`, `decoder_cosine` and `splice`, by name."""
    measured_on: str = ""
    """The activation set that the figures were measured on last; empty: the one it was trained on,
    when training ended."""
    imported_from: str = ""
    """Whose layout it was read from and where that lay, if it wasn't trained here."""
    format_version: Literal[1] = 1


class SAEInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A saved autoencoder, described as it was trained."""

    architecture: str
    d_in: int
    d_sae: int
    k: int | None
    metadata: SAEMetadata


def read_sae_info(folder: Path) -> SAEInfo:
    """What `folder` holds. UserError, naming the field, if that can't be made out."""
    config, metadata = read_config(folder), read_metadata(folder)
    trained = metadata.trained_as or config
    return SAEInfo(
        architecture=trained.architecture,
        d_in=config.d_in,
        d_sae=config.d_sae,
        k=trained.k,
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


def read_metadata(folder: Path) -> SAEMetadata:
    """What is known of where the autoencoder in `folder` comes from."""
    path = folder / FILE
    return read_record(path, SAEMetadata) if path.exists() else SAEMetadata()
