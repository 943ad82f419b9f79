"""Which features are active: found among all pre-activations, or kept of many.

Floats are compared as the integers of the same bits: for numbers above 0 the order is the same, and
of the others none is ever selected.
"""

import numpy as np
import torch
from torch import Tensor

from engine.numba_launch import arrays, bits_of, jit, run_in_threads
from engine.sae.kernels.support import Support, offsets_of


def select_top_k(pre: Tensor, k: int) -> Support:
    """Of each row of [n, F] the k largest above 0, as `Kernels.select_top_k` says.

    Of equal values at the border, those of some features.
    """
    n, width = pre.shape
    chosen = np.empty((n, k), np.int32)
    counts = np.empty(n, np.int64)
    columns = min(width, 1 << max(6, round(np.log2(k * width) / 2)))
    run_in_threads(_top_k, n, bits_of(pre), k, columns, chosen, counts)
    features = chosen.ravel()
    if (counts < k).any():
        features = chosen[np.arange(k) < counts[:, None]]
    return Support(offsets_of(torch.from_numpy(counts)), torch.from_numpy(features))


def select_above(pre: Tensor, bounds: Tensor) -> tuple[Support, Tensor]:
    """Of [n, F] what is at least its feature's bound [F], as `Kernels.select_above` says."""
    n, width = pre.shape
    found, counts = np.empty((n, width), np.int32), np.empty(n, np.int64)
    run_in_threads(_above, n, bits_of(pre), bits_of(bounds.to(pre.dtype)), found, counts)
    offsets = offsets_of(torch.from_numpy(counts))
    features = torch.empty(int(offsets[-1]), dtype=torch.int32)
    values = torch.empty(len(features), dtype=pre.dtype)
    run_in_threads(
        _copy_selected, n, bits_of(pre), found, *arrays(offsets, features), bits_of(values)
    )
    return Support(offsets, features), values


@jit
def _top_k(bits, k, columns, chosen, counts, lo, hi):
    """A row is folded to [width / columns, columns]. The k columns with the largest maxima hold k
    values that are at least the smallest of these maxima: nothing below it can be among the k
    largest, so only columns that reach it are looked through.
    """
    width = bits.shape[1]
    full = width // columns
    rest = width - full * columns
    maxima = np.empty(columns, bits.dtype)
    candidates, values = np.empty(width, np.int32), np.empty(width, bits.dtype)
    for row in range(lo, hi):
        line = bits[row]
        for j in range(columns):
            maxima[j] = line[j]
        for i in range(1, full):
            stretch = line[i * columns : (i + 1) * columns]
            for j in range(columns):
                maxima[j] = max(maxima[j], stretch[j])
        for j in range(rest):
            maxima[j] = max(maxima[j], line[full * columns + j])
        bound = _kth_largest(maxima, columns, k)
        found = 0
        for j in range(columns):
            if maxima[j] >= bound:
                for i in range(full + (j < rest)):
                    value = line[i * columns + j]
                    if value >= bound:
                        candidates[found] = i * columns + j
                        values[found] = value
                        found += 1
        border = _kth_largest(values, found, k)
        n = 0
        for c in range(found):
            if values[c] > border:
                chosen[row, n] = candidates[c]
                n += 1
        for c in range(found):
            if values[c] == border and n < k:
                chosen[row, n] = candidates[c]
                n += 1
        counts[row] = n


@jit
def _kth_largest(values, n, k):
    """Of the first n, by halving the range it lies in; 1, the least float above 0, if there are
    fewer than k above 0."""
    low, high = np.int32(1), np.int32(np.iinfo(values.dtype).max)
    while low < high:
        middle = low + (high - low + 1) // 2
        reached = 0
        for i in range(n):
            reached += values[i] >= middle
        if reached >= k:
            low = middle
        else:
            high = middle - 1
    return low


@jit
def _above(bits, least, found, counts, lo, hi):
    """Most stretches of a row hold nothing: whether one does is told without a branch."""
    stretch = 64
    for row in range(lo, hi):
        line = bits[row]
        n = 0
        for first in range(0, len(line), stretch):
            part, bounds = line[first : first + stretch], least[first : first + stretch]
            some = False
            for j in range(len(part)):
                some |= part[j] >= bounds[j]
            if some:
                for j in range(len(part)):
                    if part[j] >= bounds[j]:
                        found[row, n] = first + j
                        n += 1
        counts[row] = n


@jit
def _copy_selected(bits, found, offsets, features, values, lo, hi):
    for row in range(lo, hi):
        for n in range(offsets[row + 1] - offsets[row]):
            feature = found[row, n]
            features[offsets[row] + n] = feature
            values[offsets[row] + n] = bits[row, feature]
