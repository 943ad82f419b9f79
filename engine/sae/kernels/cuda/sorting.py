"""The support in other orders: PyTorch's own sort does that, without knowing a size beforehand."""

import torch
from torch import Tensor

from engine.sae.kernels.support import ByFeature, Support, subset


def sort_by_feature(support: Support, features: int) -> ByFeature:
    """The entries sorted by feature, as `Kernels.sort_by_feature` says."""
    in_order, entries = support.features.sort(stable=True)
    starts = _starts(in_order, features)
    return ByFeature(starts, entries.int(), _vector_of(support, entries).int())


def stack_by_group(support: Support, group_of: Tensor, groups: int) -> tuple[Support, Tensor]:
    """The vectors once for each group of features, as `Kernels.stack_by_group` says."""
    n = len(support.offsets) - 1
    every = torch.arange(len(support.features), device=support.features.device)
    line = group_of[support.features] * n + _vector_of(support, every)
    in_order, entries = line.sort(stable=True)
    return Support(_starts(in_order, groups * n), support.features[entries]), entries


def largest(support: Support, values: Tensor, count: int) -> tuple[Support, float]:
    """The `count` largest of the entries, as `Kernels.largest` says."""
    if len(values) < count:
        return support, 0.0
    border = values.sort(descending=True).values[count - 1]
    above, at = values > border, values == border
    keep = above | (at & (at.cumsum(0) <= count - above.sum()))
    return subset(support, keep), border.item()


def _starts(in_order: Tensor, keys: int) -> Tensor:
    """[keys + 1] int64: where in the sorted integers each key from 0 to `keys` begins."""
    every = torch.arange(keys + 1, dtype=in_order.dtype, device=in_order.device)
    return torch.searchsorted(in_order, every)


def _vector_of(support: Support, entries: Tensor) -> Tensor:
    """Which vector each of the entries belongs to."""
    return torch.searchsorted(support.offsets, entries, right=True) - 1
