"""Where on its own scale each feature lies above most of the data."""

import torch
from torch import Tensor

SAMPLE = 2048
"""Vectors that are looked at."""
BLOCK_ELEMENTS = 1 << 24
"""Products held at once: 64 MB."""


@torch.no_grad()
def feature_quantiles(x: Tensor, encoder: Tensor, l0: float) -> Tensor:
    """[F]: what each feature's x · encoder row exceeds in a share l0 / F of the vectors `x` [n, d].

    As a bias or threshold for every feature it leaves about `l0` of them active per vector. At most
    half of the vectors are let through.
    """
    x = x[:SAMPLE]
    share = min(0.5, l0 / len(encoder))
    rank = min(len(x), max(1, round((1 - share) * len(x))))
    rows = max(1, BLOCK_ELEMENTS // len(x))
    return torch.cat(
        [(part @ x.T).kthvalue(rank, dim=1).values for part in torch.split(encoder, rows)]
    )
