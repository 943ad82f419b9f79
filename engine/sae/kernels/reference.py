"""The kernels in plain PyTorch: for any device and float dtype, and what the others are held to.

Sums over the vectors in which a feature is active have their terms in the order of the vectors, so
that they come out the same in every run.
"""

import torch
from torch import Tensor
from torch.nn import functional

from engine.sae.kernels.support import (
    ByFeature,
    Support,
    concatenate,
    offsets_of,
    subset,
    vectors_of,
)


def select_top_k(pre: Tensor, k: int) -> Support:
    """Of each row of pre-activations [n, F] the k largest, as far as they are above 0."""
    values, features = pre.topk(k, dim=1)
    above = values > 0
    return Support(offsets_of(above.sum(1)), features[above].int())


def select_above(pre: Tensor, bounds: Tensor) -> tuple[Support, Tensor]:
    """Of pre-activations [n, F] those that are at least `bounds` [F], and their values [nnz]."""
    above = pre >= bounds
    return Support(offsets_of(above.sum(1)), above.nonzero()[:, 1].int()), pre[above]


def largest(support: Support, values: Tensor, count: int) -> tuple[Support, float]:
    """The `count` largest of the entries, whose values are [nnz]; of equal ones, the first.

    And the smallest value that is kept; 0 where there are fewer than `count`.
    """
    surplus = len(values) - count
    if surplus < 0:
        return support, 0.0
    border = values.double().kthvalue(surplus + 1).values.to(values.dtype)
    above, at = values > border, values == border
    keep = above | (at & (at.cumsum(0) <= count - above.sum()))
    return subset(support, keep), border.item()


def stack_by_group(support: Support, group_of: Tensor, groups: int) -> tuple[Support, Tensor]:
    """The vectors once for each group, [groups · n], each time with that group's entries alone.

    `group_of`: [F] int64. Gives the support, and which entries of the old stand in it: [nnz] int64.
    """
    group = group_of[support.features]
    parts = [group == g for g in range(groups)]
    entries = torch.cat([part.nonzero().flatten() for part in parts])
    return concatenate([subset(support, part) for part in parts]), entries


def dots(vectors: Tensor, rows: Tensor, support: Support) -> Tensor:
    """vectors[i] · rows[f] for every entry (i, f): [nnz], from [n, d] and [F, d]."""
    which = vectors_of(support)
    out = vectors.new_empty(len(which))
    for some in torch.split(torch.arange(len(which), device=vectors.device), _AT_ONCE):
        out[some] = (vectors[which[some]] * rows[support.features[some].long()]).sum(1)
    return out


def residual_and_dots(
    target: Tensor, W_dec: Tensor, support: Support, acts: Tensor
) -> tuple[Tensor, Tensor]:
    """What decoding leaves of `target` [n, d], and residual · W_dec[f] for every entry: [nnz]."""
    residual = target - weighted_rows(W_dec, support, acts)  # [n, d]
    return residual, dots(residual, W_dec, support)


def weighted_rows(rows: Tensor, support: Support, weights: Tensor) -> Tensor:
    """Σ_f weights · rows[f] over the entries of each vector: [n, d]."""
    return functional.embedding_bag(
        support.features.long(),
        rows,
        support.offsets,
        mode="sum",
        per_sample_weights=weights,
        include_last_offset=True,
    )


def sort_by_feature(support: Support, features: int) -> ByFeature:
    """The entries of `support` sorted by feature, of which there are `features`."""
    order = support.features.argsort(stable=True)
    counts = torch.bincount(support.features, minlength=features)
    vectors = torch.searchsorted(support.offsets, order, right=True) - 1
    return ByFeature(offsets_of(counts), order.int(), vectors.int())


def sums_by_feature(by_feature: ByFeature, weights: Tensor, vectors: Tensor, out: Tensor) -> None:
    """Add Σ weights · vectors[i] over the entries of each feature to `out` [F, d]."""
    sums = functional.embedding_bag(
        by_feature.vectors.long(),
        vectors,
        by_feature.starts,
        mode="sum",
        per_sample_weights=weights[by_feature.entries.long()],
        include_last_offset=True,
    )
    out.add_(sums)


def totals_by_feature(by_feature: ByFeature, weights: Tensor) -> Tensor:
    """Σ weights over the entries of each feature: [F]."""
    column = weights.reshape(-1, 1)
    return functional.embedding_bag(
        by_feature.entries.long(), column, by_feature.starts, mode="sum", include_last_offset=True
    )[:, 0]


def remove_parallel(grad: Tensor, rows: Tensor) -> None:
    """Take from each row of `grad` [F, d] its part along the row of `rows`, which has length 1."""
    grad.addcmul_((grad * rows).sum(1, keepdim=True), rows, value=-1)


def normalise_rows(rows: Tensor) -> None:
    """Give every row [F, d] length 1."""
    rows.div_(rows.norm(dim=1, keepdim=True))


_AT_ONCE = 1 << 15
"""Entries whose products are held at once."""
