"""The middle of a cloud of points."""

import torch
from torch import Tensor


def geometric_median(x: Tensor, iterations: int = 50) -> Tensor:
    """The point [d] with the least summed distance to `x` [n, d] (Weiszfeld's iteration)."""
    median = x.mean(0)
    for _ in range(iterations):
        weights = 1 / torch.cdist(x, median[None])[:, 0].clamp_min(1e-6)  # no second x
        median = weights @ x / weights.sum()
    return median
