"""The kernels for the CPU, in Numba: compiled at first use, without a compiler on the machine.

Numba keeps what it compiled beside this file (or in the user's cache), so only the first worker
ever waits for it. Every kernel works on a range of rows, `lo` to `hi`, with the interpreter's lock
released; `_in_threads` gives each of torch's threads one range. A row is always summed by one
thread in one order: the number of threads changes no bit.

Selection compares floats as the integers of the same bits: for numbers above 0 the order is the
same, and of the others none is ever selected.
"""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from engine.sae.kernels.support import ByFeature, Support, offsets_of

_BITS = {torch.bfloat16: torch.int16, torch.float16: torch.int16, torch.float32: torch.int32}

# sums may be reordered to use vector registers; infinities and NaN stay what they are, since a run
# that diverges is told by them
_compiled: Any = numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "arcp", "nsz"})


def select_top_k(pre: Tensor, k: int) -> Support:
    """See `reference.select_top_k`. Of equal values at the border, those of some features."""
    n, width = pre.shape
    chosen = np.empty((n, k), np.int32)
    counts = np.empty(n, np.int64)
    columns = min(width, 1 << max(6, round(np.log2(k * width) / 2)))
    _in_threads(_top_k, n, _bits(pre), k, columns, chosen, counts)
    within = torch.from_numpy(np.arange(k) < counts[:, None])
    return Support(offsets_of(torch.from_numpy(counts)), torch.from_numpy(chosen)[within])


def select_above(pre: Tensor, bounds: Tensor) -> tuple[Support, Tensor]:
    """See `reference.select_above`; here bounds must be above 0."""
    n, width = pre.shape
    found, counts = np.empty((n, width), np.int32), np.empty(n, np.int64)
    _in_threads(_above, n, _bits(pre), _bits(bounds.to(pre.dtype)), found, counts)
    offsets = offsets_of(torch.from_numpy(counts))
    features = torch.empty(int(offsets[-1]), dtype=torch.int32)
    values = torch.empty(len(features), dtype=pre.dtype)
    _in_threads(_gathered, n, _bits(pre), found, *_arrays(offsets, features), _bits(values))
    return Support(offsets, features), values


def largest(support: Support, values: Tensor, count: int) -> tuple[Support, float]:
    """See `reference.largest`; here values must be above 0."""
    surplus = len(values) - count
    if surplus < 0:
        return support, 0.0
    bits = _bits(values)
    place = np.argpartition(bits, surplus)[surplus]
    border = bits[place]
    offsets, features = torch.empty_like(support.offsets), support.features.new_empty(count)
    at_border = count - np.count_nonzero(bits > border)
    _largest(*_arrays(*support), bits, border, at_border, *_arrays(offsets, features))
    return Support(offsets, features), values[place].item()


def stacked(support: Support, group_of: Tensor, groups: int) -> tuple[Support, Tensor]:
    """See `reference.stacked`."""
    offsets = torch.zeros(groups * (len(support.offsets) - 1) + 1, dtype=torch.int64)
    features = torch.empty_like(support.features)
    entries = torch.empty(len(features), dtype=torch.int64)
    _stacked(*_arrays(*support, group_of, offsets, features, entries))
    return Support(offsets, features), entries


def dots(vectors: Tensor, rows: Tensor, support: Support) -> Tensor:
    """See `reference.dots`."""
    out = vectors.new_empty(len(support.features))
    _in_threads(_dots, len(vectors), *_arrays(vectors, rows, *support, out))
    return out


def residual(
    target: Tensor, decoder: Tensor, support: Support, acts: Tensor
) -> tuple[Tensor, Tensor]:
    """See `reference.residual`; a vector's rows are still in the cache for the second half."""
    left, out = torch.empty_like(target), torch.empty_like(acts)
    _in_threads(_residual, len(target), *_arrays(target, decoder, *support, acts, left, out))
    return left, out


def weighted_rows(rows: Tensor, support: Support, weights: Tensor) -> Tensor:
    """See `reference.weighted_rows`."""
    out = rows.new_empty(len(support.offsets) - 1, rows.shape[1])
    _in_threads(_weighted_rows, len(out), *_arrays(rows, *support, weights, out))
    return out


def by_feature(support: Support, features: int) -> ByFeature:
    """See `reference.by_feature`."""
    starts = torch.empty(features + 1, dtype=torch.int64)
    entries, vectors = torch.empty_like(support.features), torch.empty_like(support.features)
    _sort_by_feature(*_arrays(*support, starts, entries, vectors))
    return ByFeature(starts, entries, vectors)


def sums_by_feature(sorted_: ByFeature, weights: Tensor, vectors: Tensor, out: Tensor) -> None:
    """See `reference.sums_by_feature`."""
    _in_threads(_sums_by_feature, len(out), *_arrays(*sorted_, weights, vectors, out))


def totals_by_feature(sorted_: ByFeature, weights: Tensor) -> Tensor:
    """See `reference.totals_by_feature`."""
    out = weights.new_empty(len(sorted_.starts) - 1)
    _totals_by_feature(*_arrays(sorted_.starts, sorted_.entries, weights, out))
    return out


def take_out_parallel(grad: Tensor, rows: Tensor) -> None:
    """See `reference.take_out_parallel`."""
    _in_threads(_take_out_parallel, len(rows), *_arrays(grad, rows))


def normalise_rows(rows: Tensor) -> None:
    """See `reference.normalise_rows`."""
    _in_threads(_normalise_rows, len(rows), *_arrays(rows))


@_compiled
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


@_compiled
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


@_compiled
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


@_compiled
def _gathered(bits, found, offsets, features, values, lo, hi):
    for row in range(lo, hi):
        for n in range(offsets[row + 1] - offsets[row]):
            feature = found[row, n]
            features[offsets[row] + n] = feature
            values[offsets[row] + n] = bits[row, feature]


@_compiled
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


@_compiled
def _stacked(offsets, features, group_of, new_offsets, new_features, entries):
    """By counting, as `_sort_by_feature`."""
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


@_compiled
def _dots(vectors, rows, offsets, features, out, lo, hi):
    for i in range(lo, hi):
        for entry in range(offsets[i], offsets[i + 1]):
            out[entry] = _dot(vectors[i], rows[features[entry]])


@_compiled
def _residual(target, decoder, offsets, features, acts, left, out, lo, hi):
    for i in range(lo, hi):
        line = left[i]
        line[:] = target[i]
        for entry in range(offsets[i], offsets[i + 1]):
            _add(line, -acts[entry], decoder[features[entry]])
        for entry in range(offsets[i], offsets[i + 1]):
            out[entry] = _dot(line, decoder[features[entry]])


@_compiled
def _weighted_rows(rows, offsets, features, weights, out, lo, hi):
    for i in range(lo, hi):
        out[i] = 0
        for entry in range(offsets[i], offsets[i + 1]):
            _add(out[i], weights[entry], rows[features[entry]])


@_compiled
def _sort_by_feature(offsets, features, starts, entries, vectors):
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


@_compiled
def _sums_by_feature(starts, entries, which, weights, vectors, out, lo, hi):
    for f in range(lo, hi):
        for place in range(starts[f], starts[f + 1]):
            _add(out[f], weights[entries[place]], vectors[which[place]])


@_compiled
def _totals_by_feature(starts, entries, weights, out):
    for f in range(len(out)):
        total = 0.0
        for place in range(starts[f], starts[f + 1]):
            total += weights[entries[place]]
        out[f] = total


@_compiled
def _take_out_parallel(grad, rows, lo, hi):
    for f in range(lo, hi):
        _add(grad[f], -_dot(grad[f], rows[f]), rows[f])


@_compiled
def _normalise_rows(rows, lo, hi):
    for f in range(lo, hi):
        factor = 1 / np.sqrt(_dot(rows[f], rows[f]))
        for j in range(rows.shape[1]):
            rows[f, j] *= factor


@_compiled
def _dot(a, b):
    total = a.dtype.type(0)
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@_compiled
def _add(to, weight, row):
    for j in range(len(to)):
        to[j] += weight * row[j]


def _in_threads(kernel: Callable[..., None], n: int, *arguments: Any) -> None:
    """`kernel(*arguments, lo, hi)` with every one of torch's threads at one range of the n rows."""
    threads = torch.get_num_threads()
    cuts = [n * i // threads for i in range(threads + 1)]
    others = [
        _pool(threads - 1).submit(kernel, *arguments, lo, hi)
        for lo, hi in itertools.pairwise(cuts[1:])
    ]
    kernel(*arguments, cuts[0], cuts[1])
    for other in others:
        other.result()


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="kernel")


def _arrays(*tensors: Tensor) -> list[Any]:
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


def _bits(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().view(_BITS[tensor.dtype]).numpy()
