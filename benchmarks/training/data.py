"""Synthetic activations whose true features are known.

The dictionary holds 4·d random unit directions in d dimensions. An activation vector is the sum of
16 of them, drawn with replacement and weighted by U(0.5, 1.5), scaled so that E‖x‖² = d, plus
1 % of noise. The same size gives the same vectors to every trainer, in whatever process.
"""

import torch
from torch import Tensor

from benchmarks.training.sizes import Size

OVERCOMPLETENESS = 4
ACTIVE = 16
"""Directions summed in a vector."""
NOISE = 0.01
"""Standard deviation in each dimension, where a vector's root mean square is 1."""
SEED = 0x5AE_D1C7
"""Not one that a trainer would choose: from the same seed, an autoencoder that draws its first
directions as these are drawn would start with the true ones."""
BLOCK = 2**13
"""Vectors drawn from one seed, so that a part of the pool costs what it holds."""


def directions(size: Size) -> Tensor:
    """The true dictionary [4 · d_in, d_in], rows of unit length."""
    generator = torch.Generator().manual_seed(SEED)
    drawn = torch.randn(OVERCOMPLETENESS * size.d_in, size.d_in, generator=generator)
    return torch.nn.functional.normalize(drawn, dim=1)


def activations(truth: Tensor, rows: int, *, held_out: bool = False) -> Tensor:
    """The first `rows` vectors of the training pool, or of what no trainer sees: [rows, d_in]."""
    scale = _scale(truth)
    x = torch.empty(rows, truth.shape[1])
    for number, block in enumerate(x.split(BLOCK)):
        generator = torch.Generator().manual_seed(SEED + 1 + 2 * number + held_out)
        chosen = torch.randint(len(truth), (len(block), ACTIVE), generator=generator)
        weights = 0.5 + torch.rand(len(block), ACTIVE, generator=generator)
        block.copy_(
            torch.nn.functional.embedding_bag(
                chosen, truth * scale, per_sample_weights=weights, mode="sum"
            )
        )
        block.add_(torch.randn(block.shape, generator=generator), alpha=NOISE)
    return x


def _scale(truth: Tensor) -> float:
    """What makes E‖Σ wᵢ tᵢ‖² = d: E[w²] = 13/12, E[w] = 1, E[tᵢ · tⱼ] = ‖mean of t‖² for i ≠ j."""
    mean_length_squared = truth.mean(0).square().sum().item()
    energy = ACTIVE * 13 / 12 + ACTIVE * (ACTIVE - 1) * mean_length_squared
    return float((truth.shape[1] / energy) ** 0.5)
