"""Weights under a library's names and under ours.

A library's `Names` tell for each of our names what it calls the same numbers; `.T` behind a name
stands for the transpose. Thresholds it keeps as they are, where ours is their logarithm.
"""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import outline
from engine.sae.config import SAEConfig
from engine.sae.formats.tensors import Tensors

Names = Mapping[str, str]
Weights = dict[str, Tensor]
"""By our names, as in the state dictionary of the architecture."""

THRESHOLD = "log_threshold"
TRANSPOSED = ".T"


def from_library(
    tensors: Tensors, names: Names, config: SAEConfig, *, but: Collection[str] = ()
) -> Weights:
    """The weights of an autoencoder of this configuration by our names, from a library's file that
    holds these and nothing else but what `but` names.

    Raises UserError for every other file, as `Tensors.exactly`.
    """
    weights = stored_weights(tensors, names, config, but=but)
    if THRESHOLD in weights:
        weights[THRESHOLD] = logarithm(weights[THRESHOLD])
    return weights


def stored_weights(
    tensors: Tensors, names: Names, config: SAEConfig, *, but: Collection[str] = ()
) -> Weights:
    """The same, thresholds as they are stored; without such weights as `names` has no name for."""
    ours = {
        name: tuple(t.shape) for name, t in outline(config).state_dict().items() if name in names
    }
    shapes = {
        _bare(names[name]): shape[::-1] if _is_transposed(names[name]) else shape
        for name, shape in ours.items()
    }
    read = tensors.exactly(shapes, but=but)
    return {name: _orient(read[_bare(names[name])], names[name]) for name in ours}


def to_library(weights: Weights, names: Names) -> dict[str, Tensor]:
    """Weights by our names under a library's names, as it has them."""
    if THRESHOLD in weights:
        weights = weights | {THRESHOLD: weights[THRESHOLD].exp()}
    return {_bare(names[name]): _orient(tensor, names[name]) for name, tensor in weights.items()}


def weights_of(sae: SparseAutoencoder) -> Weights:
    """An autoencoder's weights on the CPU."""
    return {name: tensor.detach().cpu() for name, tensor in sae.state_dict().items()}


def assemble(config: SAEConfig, weights: Weights) -> SparseAutoencoder:
    """An autoencoder for inference that has these weights as its own."""
    sae = outline(config)
    sae.load_state_dict(weights, assign=True)
    return sae.requires_grad_(False).eval()


def logarithm(threshold: Tensor) -> Tensor:
    """log θ, from which exp gives back θ to the bit wherever a neighbouring number does.

    A θ below 0 becomes 0: nothing is active at or below 0 in any library.
    """
    threshold = threshold.clamp_min(0)
    best = threshold.double().log().float()
    for direction in (-torch.inf, torch.inf):
        other = best.nextafter(torch.tensor(direction))
        closer = (other.exp() - threshold).abs() < (best.exp() - threshold).abs()
        best = torch.where(closer, other, best)
    return best


def _bare(name: str) -> str:
    return name.removesuffix(TRANSPOSED)


def _is_transposed(name: str) -> bool:
    return name.endswith(TRANSPOSED)


def _orient(tensor: Tensor, name: str) -> Tensor:
    return tensor.T.contiguous() if _is_transposed(name) else tensor
