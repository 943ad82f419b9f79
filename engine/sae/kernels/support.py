"""Which features are active in which vectors: the sparse matrix [n, F] that all kernels share."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Support(NamedTuple):
    """The active features of n vectors, in compressed rows.

    Values that belong to them (acts, gradients) are kept beside it, as tensors [nnz] of the same
    order.
    """

    offsets: Tensor
    """[n + 1] int64: vector i has the entries from offsets[i] to offsets[i + 1]"""
    features: Tensor
    """[nnz] int32"""


class ByFeature(NamedTuple):
    """The same entries, sorted by feature; those of one feature in the order of their vectors."""

    starts: Tensor
    """[F + 1] int64: feature f has the places from starts[f] to starts[f + 1]"""
    entries: Tensor
    """[nnz] int32: which entry of the support stands at a place"""
    vectors: Tensor
    """[nnz] int32: which vector that entry belongs to"""


def concatenate(parts: Sequence[Support]) -> Support:
    """One support of the vectors of all `parts`, in order."""
    if len(parts) == 1:
        return parts[0]
    counts = torch.cat([part.offsets.diff() for part in parts])
    return Support(offsets_of(counts), torch.cat([part.features for part in parts]))


def offsets_of(counts: Tensor) -> Tensor:
    """[n] int64 entries per vector to [n + 1] offsets."""
    return torch.nn.functional.pad(counts.cumsum(0), (1, 0))


def vectors_of(support: Support) -> Tensor:
    """[nnz] int64: the vector of every entry."""
    counts = support.offsets.diff()
    return torch.arange(len(counts), device=counts.device).repeat_interleave(counts)


def subset(support: Support, keep: Tensor) -> Support:
    """The entries for which `keep` [nnz] bool is true."""
    before = torch.nn.functional.pad(keep.cumsum(0), (1, 0))
    return Support(before[support.offsets], support.features[keep])
