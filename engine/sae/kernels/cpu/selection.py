"""Which features are active: found among all pre-activations, or kept of many.

Floats are compared as the integers of the same bits: for numbers above 0 the order is the same, and
of the others none is ever selected.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.numba_launch import arrays, bits_of, jit, run_in_threads
from engine.sae.kernels.support import Support, offsets_of


def select_top_k(pre: Tensor, k: int) -> Support:
    """Of each row of [n, F] the k largest above 0, as `Kernels.select_top_k` says.

    Of equal values at the border, those of some features.
    """
    n, width = pre.shape
    chosen, counts = np.empty((n, k), np.int32), np.empty(n, np.int64)
    run_in_threads(_top_k, n, bits_of(pre), k, columns_for(k, width), chosen, counts)
    return support_of(chosen, counts)


def columns_for(k: int, width: int) -> int:
    """Into how many columns a line is folded to find its k largest."""
    return int(min(width, 1 << max(6, round(np.log2(k * width) / 2))))


def support_of(chosen: npt.NDArray[np.int32], counts: npt.NDArray[np.int64]) -> Support:
    """Of features [n, k] the first ones of each row, as many as `counts` [n] says."""
    features, k = chosen.ravel(), chosen.shape[1]
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
    width = bits.shape[1]
    space, candidates = np.empty((2, width + 1), bits.dtype), np.empty(2 * width + 1, np.int32)
    for row in range(lo, hi):
        counts[row] = top_k_of_line(bits[row], k, columns, space, candidates, chosen[row])


@jit
def top_k_of_line(line, k, columns, space, candidates, chosen):
    """The k largest above 0 of a line, in `chosen`; gives how many there are. `space` and
    `candidates`, [2, width + 1] and [2 · width + 1], are written to.

    The line is folded to [width / columns, columns]. The k columns with the largest maxima hold k
    values that are at least the smallest of these maxima: nothing below it can be among the k
    largest, so only columns that reach it are looked through.
    """
    maxima, values = space[0], space[1]
    width = len(line)
    full = width // columns
    rest = width - full * columns
    for j in range(columns):
        maxima[j] = line[j]
    for i in range(1, full):
        stretch = line[i * columns : (i + 1) * columns]
        for j in range(columns):
            maxima[j] = max(maxima[j], stretch[j])
    for j in range(rest):
        maxima[j] = max(maxima[j], line[full * columns + j])
    bound = kth_largest(maxima, columns, k, 15)
    # a place is written to, and left behind if what stands there is wanted: nothing to mispredict
    reached = 0
    for j in range(columns):
        candidates[reached] = j
        reached += maxima[j] >= bound
    found = reached
    for c in range(reached):
        j = candidates[c]
        for i in range(full + (j < rest)):
            value = line[i * columns + j]
            candidates[found], values[found - reached] = i * columns + j, value
            found += value >= bound
    candidates, found = candidates[reached:], found - reached
    border = kth_largest(values, found, k, 31)
    n = 0
    for c in range(found):
        chosen[min(n, k - 1)] = candidates[c]
        n += values[c] > border
    for c in range(found):
        if values[c] == border and n < k:
            chosen[n] = candidates[c]
            n += 1
    return n


@jit
def kth_largest(values, n, k, halvings):
    """Of the first n, by halving the range it lies in; 1, the least float above 0, if there are
    fewer than k above 0. With fewer halvings than there are bits, something not above it."""
    low, high = np.int32(1), np.int32(np.iinfo(values.dtype).max)
    while low < high and halvings > 0:
        halvings -= 1
        middle = np.int32(low + (high - low + 1) // 2)
        reached = np.int32(0)  # of 32 bits, or half as many are counted at a time
        for i in range(n):
            reached = np.int32(reached + (values[i] >= middle))
        if reached >= k:
            low = middle
        else:
            high = np.int32(middle - 1)
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
