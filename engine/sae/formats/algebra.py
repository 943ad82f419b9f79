"""What makes of one library's formula another's: the same function of x, in other numbers.

Sums are taken in fp64, so that what is folded in costs one rounding.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.sae.formats.weights import Weights

_ROWS = 1 << 14
_SMALLEST = 1e-30


def to_centred(weights: Weights) -> Weights:
    """From a formula that encodes x to ours, which encodes x − b_dec."""
    return dict(_with_shifted_biases(weights, 1.0))


def from_centred(weights: Weights) -> Weights:
    """From our formula, which encodes x − b_dec, to one that encodes x."""
    return dict(_with_shifted_biases(weights, -1.0))


def fold_decoder_norms(weights: Weights) -> Weights:
    """What features write, come to have length 1: acts are multiplied by what it was.

    So does a formula that multiplies pre-activations by the lengths, and divides acts by them
    before decoding, become ours.
    """
    lengths = weights["W_dec"].norm(dim=1).clamp_min(_SMALLEST)
    return weights | {
        "W_enc": weights["W_enc"] * lengths[:, None],
        "b_enc": weights["b_enc"] * lengths,
        "W_dec": weights["W_dec"] / lengths[:, None],
    }


def fold_scales(weights: Weights, into: float, out: float) -> Weights:
    """From an autoencoder that reads `into` · x and writes `out` · y to one that has the same acts
    and reads x and writes y."""
    folded = weights | {
        "W_enc": weights["W_enc"] * into,
        "W_dec": weights["W_dec"] / out,
        "b_dec": weights["b_dec"] / out,
    }
    return folded | ({"W_skip": weights["W_skip"] * (into / out)} if "W_skip" in weights else {})


def _with_shifted_biases(weights: Weights, sign: float) -> Iterator[tuple[str, Tensor]]:
    centre = weights["b_dec"].double()
    blocks = torch.split(weights["W_enc"], _ROWS)
    shift = torch.cat([block.double() @ centre for block in blocks]) * sign
    for name, tensor in weights.items():
        if name in ("b_enc", "b_gate"):
            yield name, (tensor.double() + shift).float()
        elif name == "b_mag":
            steepness = weights["r_mag"].double().exp()
            yield name, (tensor.double() + shift * steepness).float()
        else:
            yield name, tensor
