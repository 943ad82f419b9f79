"""Sums over the active features of a vector, and over the vectors in which a feature is active.

A program takes the sums of one vector, or of one feature, in a block of columns. The rows that it
adds lie anywhere in memory, so it asks for several at once.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from engine.sae.kernels.cuda.launch import launch
from engine.sae.kernels.support import ByFeature, Support

_ROWS = 8
"""Rows that a program asks for at once."""
_COLUMNS = 512
"""Columns of a block."""
_TERMS = 128
"""Numbers that a program asks for at once, where it adds no rows."""


def dots(vectors: Tensor, rows: Tensor, support: Support) -> Tensor:
    """vectors[i] · rows[f] of every entry, as `Kernels.dots` says."""
    parts = _parts(rows, support)
    arrays = (*_contiguous(vectors, rows), *support, parts)
    _launch(_dots, len(vectors), rows.shape[1], *arrays, parts.shape[1])
    return parts.sum(0).to(vectors.dtype)


def residual_and_dots(
    target: Tensor, W_dec: Tensor, support: Support, acts: Tensor
) -> tuple[Tensor, Tensor]:
    """The residual, and its dot product with each entry's row, as `Kernels.residual_and_dots` says;
    what a program decoded with is still in the cache for the dots."""
    target, W_dec, acts = _contiguous(target, W_dec, acts)
    parts, residual = _parts(W_dec, support), torch.empty_like(target)
    arrays = (target, W_dec, *support, acts, residual, parts)
    _launch(_residual, len(target), W_dec.shape[1], *arrays, parts.shape[1])
    return residual, parts.sum(0).to(acts.dtype)


def weighted_rows(rows: Tensor, support: Support, weights: Tensor) -> Tensor:
    """Σ_f weights · rows[f] of every vector, as `Kernels.weighted_rows` says."""
    out = rows.new_zeros(len(support.offsets) - 1, rows.shape[1])
    _launch(_add_sums, *out.shape, *support, *_contiguous(weights, rows), out)
    return out


def sums_by_feature(by_feature: ByFeature, weights: Tensor, vectors: Tensor, out: Tensor) -> None:
    """Add Σ_i weights · vectors[i] of every feature to `out`, as `Kernels.sums_by_feature` says.

    A feature that is active nowhere costs nothing.
    """
    entry_weights = weights[by_feature.entries]
    arrays = (by_feature.starts, by_feature.vectors, entry_weights, *_contiguous(vectors))
    _launch(_add_sums, *out.shape, *arrays, out)


def totals_by_feature(by_feature: ByFeature, weights: Tensor) -> Tensor:
    """Σ weights of every feature, as `Kernels.totals_by_feature` says."""
    out = weights.new_empty(len(by_feature.starts) - 1)
    arrays = (by_feature.starts, by_feature.entries, *_contiguous(weights), out)
    launch(_totals, (len(out),), *arrays, TERMS=_TERMS, num_warps=1)
    return out


def _launch(kernel: object, sums: int, d: int, *arguments: object) -> None:
    """A program for each of so many sums of rows [d], and for each block of columns."""
    block = _block(d)
    grid = (sums, triton.cdiv(d, block))
    launch(kernel, grid, *arguments, d, ROWS=_ROWS, COLUMNS=block, num_warps=4)


def _parts(rows: Tensor, support: Support) -> Tensor:
    """[blocks, nnz] fp32: each entry's dot product, from each block of columns."""
    d = rows.shape[1]
    return torch.empty(
        triton.cdiv(d, _block(d)), len(support.features), dtype=torch.float32, device=rows.device
    )


def _block(d: int) -> int:
    return min(_COLUMNS, int(triton.next_power_of_2(d)))


def _contiguous(*tensors: Tensor) -> list[Tensor]:
    return [tensor.detach().contiguous() for tensor in tensors]


@triton.jit(do_not_specialize=["entries"])
def _dots(
    vectors, rows, offsets, features, parts, entries, d, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):
    i, block = tl.program_id(0).to(tl.int64), tl.program_id(1)
    column = block * COLUMNS + tl.arange(0, COLUMNS)
    vector = tl.load(vectors + i * d + column, mask=column < d, other=0.0).to(tl.float32)
    out = parts + block.to(tl.int64) * entries
    _store_dots(vector, rows, offsets, features, i, out, column, d, ROWS)


@triton.jit(do_not_specialize=["entries"])
def _residual(
    target, W_dec, offsets, features, acts, residual, parts, entries, d,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    i, block = tl.program_id(0).to(tl.int64), tl.program_id(1)
    column = block * COLUMNS + tl.arange(0, COLUMNS)
    rest = tl.load(target + i * d + column, mask=column < d, other=0.0).to(tl.float32)
    rest -= _sum(W_dec, offsets, features, acts, i, column, d, ROWS)
    tl.store(residual + i * d + column, rest, mask=column < d)
    out = parts + block.to(tl.int64) * entries
    _store_dots(rest, W_dec, offsets, features, i, out, column, d, ROWS)


@triton.jit
def _add_sums(starts, which, weights, rows, out, d, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    i, block = tl.program_id(0).to(tl.int64), tl.program_id(1)
    if tl.load(starts + i) < tl.load(starts + i + 1):
        column = block * COLUMNS + tl.arange(0, COLUMNS)
        place = out + i * d + column
        before = tl.load(place, mask=column < d, other=0.0)
        total = _sum(rows, starts, which, weights, i, column, d, ROWS)
        tl.store(place, before + total, mask=column < d)


@triton.jit
def _totals(starts, entries, weights, out, TERMS: tl.constexpr):
    feature = tl.program_id(0).to(tl.int64)
    stop = tl.load(starts + feature + 1)
    total = tl.zeros([TERMS], tl.float32)
    for first in range(tl.load(starts + feature), stop, TERMS):
        place = first + tl.arange(0, TERMS)
        entry = tl.load(entries + place, mask=place < stop, other=0)
        total += tl.load(weights + entry, mask=place < stop, other=0.0).to(tl.float32)
    tl.store(out + feature, tl.sum(total))


@triton.jit
def _sum(rows, starts, which, weights, i, column, d, ROWS: tl.constexpr):
    """Σ weights · rows[which] over the entries of `i`, in the columns given: [columns] fp32."""
    stop = tl.load(starts + i + 1)
    total = tl.zeros([ROWS, column.shape[0]], tl.float32)
    for first in range(tl.load(starts + i), stop, ROWS):
        entry = first + tl.arange(0, ROWS)
        weight = tl.load(weights + entry, mask=entry < stop, other=0.0).to(tl.float32)
        total += weight[:, None] * _load_rows(rows, which, entry, stop, column, d)
    return tl.sum(total, axis=0)


@triton.jit
def _store_dots(vector, rows, starts, which, i, out, column, d, ROWS: tl.constexpr):
    """vector · rows[which] in the columns given, to the place in `out` of every entry of `i`."""
    stop = tl.load(starts + i + 1)
    for first in range(tl.load(starts + i), stop, ROWS):
        entry = first + tl.arange(0, ROWS)
        products = vector[None, :] * _load_rows(rows, which, entry, stop, column, d)
        tl.store(out + entry, tl.sum(products, axis=1), mask=entry < stop)


@triton.jit
def _load_rows(rows, which, entry, stop, column, d):
    """Of the rows of some entries the columns given, [entries, columns] fp32; 0 from `stop` on."""
    row = tl.load(which + entry, mask=entry < stop, other=0).to(tl.int64)
    place = row[:, None] * d + column[None, :]
    inside = (entry < stop)[:, None] & (column < d)[None, :]
    return tl.load(rows + place, mask=inside, other=0.0).to(tl.float32)
