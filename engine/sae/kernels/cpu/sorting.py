"""Entries put in another order, by counting, and the largest of them."""

import numpy as np
import torch
from torch import Tensor

from engine.numba_launch import arrays, bits_of, jit, run_in_threads
from engine.sae.kernels.cpu.selection import kth_largest, support_of
from engine.sae.kernels.support import ByFeature, Support


def largest(support: Support, values: Tensor, count: int) -> tuple[Support, float]:
    """The `count` largest of the entries, as `Kernels.largest` says."""
    surplus = len(values) - count
    if surplus < 0:
        return support, 0.0
    bits = bits_of(values)
    place = np.argpartition(bits, surplus)[surplus]
    border = bits[place]
    offsets, features = torch.empty_like(support.offsets), support.features.new_empty(count)
    at_border = count - np.count_nonzero(bits > border)
    _largest(*arrays(*support), bits, border, at_border, *arrays(offsets, features))
    return Support(offsets, features), values[place].item()


def largest_of_each(support: Support, values: Tensor, k: int) -> tuple[Support, Tensor]:
    """Of each row's entries the k with the largest of the `values` [nnz] float32, as far as they
    are above 0, and of equal ones the first; in the order in which they were. And which entries
    they are: [nnz left] int64."""
    n = len(support.offsets) - 1
    chosen, counts = np.empty((n, k), np.int32), np.empty(n, np.int64)
    longest = int(support.offsets.diff().max()) if n else 0
    run_in_threads(
        _largest_of_each, n, *arrays(support.offsets), bits_of(values), k, longest, chosen, counts
    )
    kept = support_of(chosen, counts)
    entries = kept.features.long()
    return Support(kept.offsets, support.features[entries]), entries


def stack_by_group(support: Support, group_of: Tensor, groups: int) -> tuple[Support, Tensor]:
    """The vectors once for each group of features, as `Kernels.stack_by_group` says."""
    offsets = torch.zeros(groups * (len(support.offsets) - 1) + 1, dtype=torch.int64)
    features = torch.empty_like(support.features)
    entries = torch.empty(len(features), dtype=torch.int64)
    _stack_by_group(*arrays(*support, group_of, offsets, features, entries))
    return Support(offsets, features), entries


def sort_by_feature(support: Support, features: int) -> ByFeature:
    """The entries sorted by feature, as `Kernels.sort_by_feature` says."""
    starts = torch.empty(features + 1, dtype=torch.int64)
    entries, vectors = torch.empty_like(support.features), torch.empty_like(support.features)
    _sort_entries(*arrays(*support, starts, entries, vectors))
    return ByFeature(starts, entries, vectors)


@jit
def _largest(offsets, features, bits, border, at_border, new_offsets, new_features):
    """`at_border` of those that equal the border are taken, the first ones."""
    place = 0
    new_offsets[0] = 0
    for row in range(len(offsets) - 1):
        for entry in range(offsets[row], offsets[row + 1]):
            at = bits[entry] == border
            if bits[entry] > border or (at and at_border > 0):
                at_border -= at
                new_features[place] = features[entry]
                place += 1
        new_offsets[row + 1] = place


@jit
def _largest_of_each(offsets, bits, k, longest, chosen, counts, lo, hi):
    values = np.empty(longest + 1, np.int32)
    for row in range(lo, hi):
        first, last = offsets[row], offsets[row + 1]
        for entry in range(first, last):
            values[entry - first] = bits[entry]
        border = kth_largest(values, last - first, k, 31)
        at_border = k
        for c in range(last - first):
            at_border -= values[c] > border
        n = 0
        for c in range(last - first):
            at = values[c] == border and at_border > 0
            if values[c] > border or at:
                at_border -= at
                chosen[row, n] = first + c
                n += 1
        counts[row] = n


@jit
def _stack_by_group(offsets, features, group_of, new_offsets, new_features, entries):
    """By counting, as `_sort_entries`."""
    n = len(offsets) - 1
    for row in range(n):
        for entry in range(offsets[row], offsets[row + 1]):
            new_offsets[group_of[features[entry]] * n + row + 1] += 1
    for line in range(len(new_offsets) - 1):
        new_offsets[line + 1] += new_offsets[line]
    places = new_offsets[:-1].copy()
    for row in range(n):
        for entry in range(offsets[row], offsets[row + 1]):
            line = group_of[features[entry]] * n + row
            new_features[places[line]] = features[entry]
            entries[places[line]] = entry
            places[line] += 1


@jit
def _sort_entries(offsets, features, starts, entries, vectors):
    starts[:] = 0
    for entry in range(len(features)):
        starts[features[entry] + 1] += 1
    for f in range(len(starts) - 1):
        starts[f + 1] += starts[f]
    places = starts[:-1].copy()
    for i in range(len(offsets) - 1):
        for entry in range(offsets[i], offsets[i + 1]):
            f = features[entry]
            entries[places[f]] = entry
            vectors[places[f]] = i
            places[f] += 1
