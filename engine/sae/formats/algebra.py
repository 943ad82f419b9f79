"""What makes of one library's formula another's: the same function of x, in other numbers.

Sums are taken in fp64, so that what is folded in costs one rounding.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from engine.sae.formats.weights import Weights

_ROWS = 1 << 14
_SMALLEST = 1e-30


def centred(weights: Weights) -> Weights:
    """From a formula that encodes x to ours, which encodes x − b_dec."""
    return dict(_with_shifted_biases(weights, 1.0))


def uncentred(weights: Weights) -> Weights:
    """From our formula, which encodes x − b_dec, to one that encodes x."""
    return dict(_with_shifted_biases(weights, -1.0))


def with_unit_decoder(weights: Weights) -> Weights:
    """What features write, come to have length 1: acts are multiplied by what it was.

    So does a formula that multiplies pre-activations by the lengths, and divides acts by them
    before decoding, become ours.
    """
    lengths = weights["decoder"].norm(dim=1).clamp_min(_SMALLEST)
    return weights | {
        "encoder": weights["encoder"] * lengths[:, None],
        "encoder_bias": weights["encoder_bias"] * lengths,
        "decoder": weights["decoder"] / lengths[:, None],
    }


def reading_raw(weights: Weights, scale: float) -> Weights:
    """From an autoencoder that reads and writes `scale` · x to one that has the same acts and reads
    and writes x."""
    return weights | {
        "encoder": weights["encoder"] * scale,
        "decoder": weights["decoder"] / scale,
        "decoder_bias": weights["decoder_bias"] / scale,
    }


def _with_shifted_biases(weights: Weights, sign: float) -> Iterator[tuple[str, Tensor]]:
    centre = weights["decoder_bias"].double()
    blocks = torch.split(weights["encoder"], _ROWS)
    shift = torch.cat([block.double() @ centre for block in blocks]) * sign
    for name, tensor in weights.items():
        if name in ("encoder_bias", "gate_bias"):
            yield name, (tensor.double() + shift).float()
        elif name == "magnitude_bias":
            steepness = weights["log_magnitude"].double().exp()
            yield name, (tensor.double() + shift * steepness).float()
        else:
            yield name, tensor
