"""The layout of OpenAI's sparse_autoencoder: one `.pt` file, a pickled state dictionary.

    encoder.weight [d_sae, d_in]  latent_bias [d_sae]  decoder.weight [d_in, d_sae]  pre_bias [d_in]
    activation: "ReLU" or "TopK"
    activation_state_dict: of TopK {"k": …, "postact_fn": "ReLU"}
    and statistics of training, which are not looked at

    acts = activation((x − pre_bias) @ encoder.weightᵀ + latent_bias)
    x̂ = acts @ decoder.weightᵀ + pre_bias

Whoever loads a TopK of theirs has it read and write normalised vectors, as
`engine.sae.architectures.normalised` does: the file can't say otherwise. So a topk without a layer
norm can't be written in this layout, and neither can a relu with one. Without `activation` it is
ReLU. The file tells neither model nor place. Importing this needs no torch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import naming_file

if TYPE_CHECKING:
    from engine.sae.architectures.base import SparseAutoencoder
    from engine.sae.formats.tensors import Tensors

FILE = "autoencoder.pt"
"""As we name it; theirs are named after layers."""

NAMES = {
    "W_enc": "encoder.weight",
    "W_dec": "decoder.weight.T",
    "b_enc": "latent_bias",
    "b_dec": "pre_bias",
}
_ACTIVATION = ("activation", "activation_state_dict", "activation.k", "activation.postact_fn")
"""What tells the activation; the last two are in some files, and say the same again."""
_STATISTICS = ("stats_last_nonzero", "latents_activation_frequency", "latents_mean_square")


def check(config: SAEConfig) -> None:
    """Raise UserError if OpenAI's code would make something else of it."""
    if config.architecture not in ("topk", "relu") or config.transcodes:
        kind = "transcoder" if config.transcodes else "SAE"
        raise UserError(f"OpenAI's layout has no {config.architecture} {kind}.")
    if config.layer_norm != (config.architecture == "topk"):
        does = "normalises" if config.layer_norm else "does not normalise"
        raise UserError(
            f"This {config.architecture} SAE {does} what it reads, and OpenAI's layout has that"
            " with topk, and with topk alone."
        )


def read(path: Path) -> tuple["SparseAutoencoder", SAEMetadata]:
    """The autoencoder in the file at `path`, for inference."""
    from engine.sae.formats.tensors import read_pickled
    from engine.sae.formats.weights import assemble, from_library

    tensors = read_pickled(path)
    config = _config_of(tensors)
    weights = from_library(tensors, NAMES, config, but=(*_ACTIVATION, *_STATISTICS))
    return assemble(config, weights), SAEMetadata()


def write(sae: "SparseAutoencoder", folder: Path, _: SAEMetadata) -> None:
    """Write the file into `folder`."""
    import torch

    from engine.sae.formats.tensors import write_pickled
    from engine.sae.formats.weights import to_library, weights_of

    features = sae.config.d_sae
    more: dict[str, Any] = {
        "activation": "ReLU",
        "activation_state_dict": {},
        "stats_last_nonzero": torch.zeros(features, dtype=torch.int64),
        "latents_activation_frequency": torch.ones(features),
        "latents_mean_square": torch.zeros(features),
    }
    if sae.config.architecture == "topk":
        more |= {
            "activation": "TopK",
            "activation_state_dict": {"k": sae.config.k, "postact_fn": "ReLU"},
        }
    write_pickled(folder / FILE, to_library(weights_of(sae), NAMES), more)


def _config_of(tensors: "Tensors") -> SAEConfig:
    d_sae, d_in = tensors.sizes(NAMES["W_enc"], 2)
    activation = tensors.found.get("activation", "ReLU")
    if activation not in ("ReLU", "TopK"):
        raise UserError(
            f"In {tensors.path}, activation is {activation!r}; ReLU and TopK can be read."
        )
    if activation == "ReLU":
        return SAEConfig(architecture="relu", d_in=d_in, d_sae=d_sae)
    state = tensors.found.get("activation_state_dict")
    state = state if isinstance(state, Mapping) else {}
    k, after = state.get("k"), state.get("postact_fn")
    if not isinstance(k, int):
        raise UserError(f"In {tensors.path}, activation_state_dict holds no k.")
    if after != "ReLU":
        raise UserError(f"In {tensors.path}, postact_fn is {after!r}, and only 'ReLU' can be read.")
    with naming_file(tensors.path):
        return SAEConfig(architecture="topk", d_in=d_in, d_sae=d_sae, k=k, layer_norm=True)
