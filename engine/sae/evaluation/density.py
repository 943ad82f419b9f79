"""How often features are active, as a histogram. Torch-free, so that front ends can read one."""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from torch import Tensor

LOWEST = -8
"""log10 of the rarest density that the bins tell apart: once in 10⁸ vectors."""
BINS_A_DECADE = 4


class DensityHistogram(msgspec.Struct, frozen=True, kw_only=True):
    """Features by log10 of the share of vectors in which they are active."""

    edges: list[float]
    """Of the bins, always the same; a bin holds its lower edge, the first also all below it and the
    last also 0, always active."""
    counts: list[int]
    """Features in each bin."""
    dead: int
    """Features that are never active, in no bin."""


def density_histogram(density: "Tensor") -> DensityHistogram:
    """Of each feature's share of the vectors: [d_sae], from 0 to 1."""
    bins = -LOWEST * BINS_A_DECADE
    alive = density[density > 0].double()
    place = ((alive.log10() - LOWEST) * BINS_A_DECADE).floor().long().clamp(0, bins - 1)
    return DensityHistogram(
        edges=[LOWEST + edge / BINS_A_DECADE for edge in range(bins + 1)],
        counts=place.bincount(minlength=bins).tolist(),
        dead=len(density) - len(alive),
    )
