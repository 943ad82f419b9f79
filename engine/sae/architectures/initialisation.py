"""Where training starts, for architectures whose features have biases or thresholds to set."""

import torch
from torch import Tensor

from engine.sae.architectures.linear import LinearSAE
from engine.sae.blocks import rows_per_block

INITIAL_L0 = 128
"""Active features per vector at the first step, where features have thresholds of their own."""
SAMPLE = 2048
"""Vectors that are looked at."""


@torch.no_grad()
def feature_quantiles(x: Tensor, W_enc: Tensor, l0: float) -> Tensor:
    """[F]: what each feature's x · W_enc[f] exceeds in a share l0 / F of the vectors `x` [n, d].

    As a bias or threshold for every feature it leaves about `l0` of them active per vector. At most
    an eighth of the vectors are let through, which keeps thresholds well above 0.
    """
    x = x[:SAMPLE]
    share = min(0.125, l0 / len(W_enc))
    above = max(1, round(share * len(x)))
    blocks = torch.split(W_enc, rows_per_block(len(x)))
    return torch.cat([_below_largest(part @ x.T, above) for part in blocks])


def _below_largest(products: Tensor, count: int) -> Tensor:
    """[F]: halfway between the `count`-th largest of each row and the next, so that no vector lies
    at the border, where rounding would decide."""
    largest = products.topk(min(count + 1, products.shape[1]), dim=1).values
    return (largest[:, count - 1] + largest[:, -1]) / 2


@torch.no_grad()
def fit_acts(sae: LinearSAE, x: Tensor, target: Tensor) -> None:
    """Scale the encoder so that what it decodes to is as long as it should be: least squares.

    Many directions that aren't orthogonal add up to too much; the first steps would otherwise be
    spent on silencing features, and overshoot. `x` [n, d_in], `target` [n, d_out].
    """
    wanted = reached = 0.0
    n = min(SAMPLE, len(x))
    for rows in torch.split(torch.arange(n, device=x.device), 256):
        decoded = sae.ranks.tensor_parallel.all_reduce(sae.decode_at_first(x[rows]))
        wanted += float((decoded * (target[rows] - sae.b_dec)).sum())
        reached += float(decoded.square().sum())
    factor = max(wanted, 0.0) / reached if reached else 1.0
    if factor > 0:
        sae.scale_acts(factor)
