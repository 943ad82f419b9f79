"""Selection by numbers of 16 bits that may be off, but by no more than a known bound: what could be
wanted is selected, and nothing that is wanted is missed.

Numbers are bfloat16 and compared as integers of the same order: the bits of those above 0, and of
the others all bits but the sign flipped.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.numba_launch import arrays, bits_of, jit, run_in_threads
from engine.sae.kernels.cpu.selection import columns_for, top_k_of_line
from engine.sae.kernels.support import Support, offsets_of

ROUNDING = np.float32(2**-7)
"""A number and what it was rounded from differ by less than half of this share of either."""


def top_k_within(pre: Tensor, k: int, off: Tensor, most: int) -> Support | None:
    """Of each row of bfloat16 numbers [n, F] all that may be among the k largest above 0, in
    ascending order.

    Each number was rounded from one that is `off` [n] at most from the true one. None where a row
    has more than `most`.
    """
    n, width = pre.shape
    k = min(k, width)
    found, counts = np.empty((n, most), np.int32), np.empty(n, np.int64)
    run_in_threads(
        _top_k_within, n, bits_of(pre), k, columns_for(k, width), *arrays(off), found, counts
    )
    return _support_of(found, counts)


def at_least(pre: Tensor, bounds: Tensor, most: int) -> Support | None:
    """Of each row of bfloat16 numbers [n, F] those that are no less than their feature's bound [F]
    of float32, be it rounded down, ascending. None where a row has more than `most`."""
    n = len(pre)
    found, counts = np.empty((n, most), np.int32), np.empty(n, np.int64)
    run_in_threads(_at_least, n, bits_of(pre), *arrays(bounds), found, counts)
    return _support_of(found, counts)


def _support_of(found: npt.NDArray[np.int32], counts: npt.NDArray[np.int64]) -> Support | None:
    if (counts > found.shape[1]).any():
        return None
    offsets = offsets_of(torch.from_numpy(counts))
    features = torch.empty(int(offsets[-1]), dtype=torch.int32)
    run_in_threads(_join, len(counts), found, *arrays(offsets, features))
    return Support(offsets, features)


@jit
def _top_k_within(bits, k, columns, off, found, counts, lo, hi):
    width = bits.shape[1]
    space, candidates = np.empty((2, width + 1), bits.dtype), np.empty(2 * width + 1, np.int32)
    chosen = np.empty(k, np.int32)
    word = np.empty(1, np.int32)
    number = word.view(np.float32)
    for row in range(lo, hi):
        line = bits[row]
        reached = top_k_of_line(line, k, columns, space, candidates, chosen)
        bound = -off[row]
        if reached == k:
            border = line[chosen[0]]
            for c in range(k):
                border = min(border, line[chosen[c]])
            word[0] = np.int32(border) << 16
            # the k-th largest of the true numbers is no less than this one less `off`
            bound = max(bound, number[0] * (1 - ROUNDING) - 2 * off[row])
        number[0] = bound
        counts[row] = _collect(line, _least_order(word[0]), found[row])


@jit
def _collect(line, least, found):
    """Most stretches of a row hold nothing: whether one does is told without a branch."""
    stretch = 64
    most = len(found)
    n = 0
    for first in range(0, len(line), stretch):
        part = line[first : first + stretch]
        some = False
        for j in range(len(part)):
            some |= _order(part[j]) >= least
        if some:
            for j in range(len(part)):
                if _order(part[j]) >= least:
                    if n < most:
                        found[n] = first + j
                    n += 1
    return n


@jit
def _at_least(bits, bounds, found, counts, lo, hi):
    stretch = 64
    width, most = bits.shape[1], found.shape[1]
    words = bounds.view(np.int32)
    least = np.empty(width, np.int16)
    for j in range(width):
        least[j] = _least_order(words[j])
    for row in range(lo, hi):
        line = bits[row]
        n = 0
        for first in range(0, width, stretch):
            part, bound = line[first : first + stretch], least[first : first + stretch]
            some = False
            for j in range(len(part)):
                some |= _order(part[j]) >= bound[j]
            if some:
                for j in range(len(part)):
                    if _order(part[j]) >= bound[j]:
                        if n < most:
                            found[row, n] = first + j
                        n += 1
        counts[row] = n


@jit
def _order(bits):
    return np.int16(bits ^ ((bits >> 15) & 0x7FFF))


@jit
def _least_order(word):
    """The order of the largest bfloat16 that isn't above a float32 of these bits."""
    half = word >> 16
    if word < 0 and word & 0xFFFF:
        half += 1
    return _order(np.int16(half))


@jit
def _join(found, offsets, features, lo, hi):
    for row in range(lo, hi):
        for n in range(offsets[row + 1] - offsets[row]):
            features[offsets[row] + n] = found[row, n]
