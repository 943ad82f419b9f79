"""The k active features of F, and reconstruction from them without the other F − k.

A dense step of a TopK autoencoder costs six products of 2·batch·d·F operations; this one costs one,
the encoder's forward pass, which has to look at every feature. All else touches k features a vector
and is a weighted sum of rows, which torch has as `embedding_bag`. Sums over the vectors in which a
feature is active have their terms sorted by feature first: they come out the same in every run.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

BLOCK_ELEMENTS = 1 << 22
"""Pre-activations held at once, 16 MB: the encoder works through a batch in blocks of rows."""


class Active(NamedTuple):
    """The features that are active in each of n vectors."""

    values: Tensor
    """[n, k] fp32, 0 where fewer than k features are active"""
    indices: Tensor
    """[n, k] int64"""


def top_k(values: Tensor, k: int) -> Active:
    """The k largest of each row `[n, F]`, in no particular order; exact.

    In two stages, since `torch.topk` is slow on long rows: fold a row to [fold, F/fold], and the k
    largest can only lie in the k columns with the largest maxima. F/fold maxima and fold·k
    candidates are fewest together for fold = √(F/k).
    """
    n, width = values.shape
    fold = 1 << max(0, round(math.log2(width / k) / 2))
    columns = width // fold
    if fold == 1 or width % fold or columns < k:
        return Active(*values.topk(k, dim=1, sorted=False))
    folded = values.view(n, fold, columns)
    best = folded.amax(dim=1).topk(k, dim=1, sorted=False).indices
    candidates = folded.gather(2, best[:, None].expand(n, fold, k)).view(n, fold * k)
    kept, place = candidates.topk(k, dim=1, sorted=False)
    return Active(kept, place // k * columns + best.gather(1, place % k))


def encode_top_k(x: Tensor, encoder: Tensor, bias: Tensor, k: int) -> Active:
    """The k largest of relu(x @ encoder.T + bias); no gradients.

    `x`: [n, d]; `encoder`: [F, d], a row per feature; `bias`: [F].
    """
    rows = max(1, BLOCK_ELEMENTS // len(encoder))
    blocks = [top_k(torch.addmm(bias, block, encoder.T), k) for block in torch.split(x, rows)]
    values = torch.cat([block.values for block in blocks]).relu_()
    return Active(values, torch.cat([block.indices for block in blocks]))


def reconstruct_top_k(
    x: Tensor, encoder: Tensor, bias: Tensor, decoder: Tensor, k: int
) -> tuple[Tensor, Active]:
    """Encode `x` [n, d], keep k features, decode: [n, d], differentiable; and what was active.

    `encoder`, `decoder`: [F, d], a row per feature; `bias`: [F].
    """
    apply: Any = _ReconstructTopK.apply
    decoded, values, indices = apply(x, encoder, bias, decoder, k)
    return decoded, Active(values, indices)


def count_active(active: Active, features: int) -> Tensor:
    """[features] int32: in how many vectors each feature has a value above 0."""
    counts = torch.zeros(features, dtype=torch.int32, device=active.indices.device)
    return counts.index_add_(0, active.indices.flatten(), (active.values > 0).flatten().int())


class _ReconstructTopK(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - torch calls it with positions
        ctx: Any, x: Tensor, encoder: Tensor, bias: Tensor, decoder: Tensor, k: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        values, indices = encode_top_k(x, encoder, bias, k)
        ctx.save_for_backward(x, encoder, decoder, values, indices)
        ctx.mark_non_differentiable(values, indices)
        return _weighted_rows(decoder, indices, values), values, indices

    @staticmethod
    def backward(
        ctx: Any, grad: Tensor, _values: Tensor, _indices: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        x, encoder, decoder, values, indices = ctx.saved_tensors
        grad_values = _dots_with_rows(grad, decoder, indices) * (values > 0)
        by_feature = _ByFeature(indices, len(decoder))
        return (
            _weighted_rows(encoder, indices, grad_values),
            by_feature.sum_of_rows(x, grad_values),
            by_feature.sum_of(grad_values),
            by_feature.sum_of_rows(grad, values),
            None,
        )


class _ByFeature:
    """Sums over the vectors in which each feature is active, in a fixed order."""

    def __init__(self, indices: Tensor, features: int) -> None:
        self.k = indices.shape[1]
        features_of_terms = indices.flatten()
        self.order = features_of_terms.argsort(stable=True)
        counts = torch.bincount(features_of_terms, minlength=features)
        self.starts = counts.cumsum(0) - counts

    def sum_of_rows(self, rows: Tensor, weights: Tensor) -> Tensor:
        """Σ weights[i, j] · rows[i] for each feature: [F, d], from `weights` [n, k]."""
        return functional.embedding_bag(
            self.order // self.k,
            rows,
            self.starts,
            mode="sum",
            per_sample_weights=weights.flatten()[self.order],
        )

    def sum_of(self, weights: Tensor) -> Tensor:
        """Σ weights[i, j] for each feature: [F]."""
        column = weights.reshape(-1, 1)
        return functional.embedding_bag(self.order, column, self.starts, mode="sum")[:, 0]


def _weighted_rows(rows: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
    """Σ_j weights[:, j] · rows[indices[:, j]]: [n, d]."""
    return functional.embedding_bag(indices, rows, mode="sum", per_sample_weights=weights)


def _dots_with_rows(vectors: Tensor, rows: Tensor, indices: Tensor) -> Tensor:
    """vectors[i] · rows[indices[i, j]]: [n, k], which is the gradient of `_weighted_rows`."""
    with torch.enable_grad():
        weights = rows.new_zeros(indices.shape).requires_grad_()
        summed = _weighted_rows(rows.detach(), indices, weights)
    return torch.autograd.grad(summed, weights, vectors)[0]
