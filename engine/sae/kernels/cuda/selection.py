"""Which features are active: one look at every pre-activation, at the speed of memory."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from engine.sae.kernels import reference
from engine.sae.kernels.cuda.launch import launch, warps_for
from engine.sae.kernels.support import Support, offsets_of

_STRETCH = 4096
"""Pre-activations of a row that one program compares with their bounds."""
_MOST_IN_REGISTERS = 1 << 14
"""Numbers of which a program finds the k largest."""


def select_top_k(pre: Tensor, k: int) -> Support:
    """Of each row of [n, F] the k largest above 0, as `Kernels.select_top_k` says.

    Of equal values at the border, those of some features.

    Floats are compared as the integers of the same bits: for numbers above 0 the order is the same,
    and of the others none is ever selected.

    A row is folded to [width / columns, columns], and the k columns with the largest maxima hold
    the k largest values: each of those columns holds one at least as large as what any other column
    has. So a row is read once, and again as far as these columns go.
    """
    n, width = pre.shape
    columns = max(128, triton.next_power_of_2(max(k, round((k * width) ** 0.5))))
    candidates = max(128, triton.next_power_of_2(k * triton.cdiv(width, columns)))
    if max(columns, candidates) > _MOST_IN_REGISTERS:
        return reference.select_top_k(pre, k)
    wide = pre.element_size() == 4
    bits = pre.detach().contiguous().view(torch.int32 if wide else torch.int16)
    best = torch.full((n, k), width, dtype=torch.int32, device=pre.device)
    counts = torch.empty(n, dtype=torch.int32, device=pre.device)
    shape = {"COLUMNS": columns, "BITS": 31 if wide else 15}
    launch(_best_columns, (n,), bits, best, counts, width, k, **shape, num_warps=warps_for(columns))
    offsets = offsets_of(counts)
    features = torch.empty(n * k, dtype=torch.int32, device=pre.device)
    shape["CANDIDATES"] = candidates
    launch(
        _best_candidates,
        (n,),
        *(bits, best, offsets, features, width, k),
        **shape,
        num_warps=warps_for(candidates),
    )
    return Support(offsets, features[: int(offsets[-1])])


def select_above(pre: Tensor, bounds: Tensor) -> tuple[Support, Tensor]:
    """Of [n, F] what is at least its feature's bound [F], as `Kernels.select_above` says.

    How many there are in each stretch is counted first.
    """
    n, width = pre.shape
    pre, bounds = pre.detach().contiguous(), bounds.detach().contiguous()
    grid = (n, triton.cdiv(width, _STRETCH))
    counts = torch.empty(grid, dtype=torch.int32, device=pre.device)
    launch(_count_above, grid, pre, bounds, counts, width, STRETCH=_STRETCH, num_warps=8)
    starts = offsets_of(counts.flatten())
    features = torch.empty(int(starts[-1]), dtype=torch.int32, device=pre.device)
    values = torch.empty(len(features), dtype=pre.dtype, device=pre.device)
    launch(
        _fill_above,
        grid,
        *(pre, bounds, starts, features, values, width),
        STRETCH=_STRETCH,
        num_warps=8,
    )
    return Support(starts[:: grid[1]].contiguous(), features), values


@triton.jit
def _best_columns(bits, best, counts, width, k, COLUMNS: tl.constexpr, BITS: tl.constexpr):
    """Of one row the k columns with the largest maxima, and how many of the k largest are above 0.

    Columns without a number above 0 are none of them; `best` keeps what it has in their places.
    """
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, COLUMNS)
    maxima = tl.zeros([COLUMNS], tl.int32)
    above = tl.zeros([COLUMNS], tl.int32)
    for first in range(0, width, COLUMNS):
        feature = first + column
        value = tl.load(bits + row * width + feature, mask=feature < width, other=0).to(tl.int32)
        maxima = tl.maximum(maxima, value)
        above += (value > 0).to(tl.int32)
    largest = _largest(maxima, k, BITS)
    tl.store(best + row * k + _places(largest), column, mask=largest)
    tl.store(counts + row, tl.minimum(tl.sum(above), k))


@triton.jit
def _best_candidates(
    bits, best, offsets, features, width, k,
    COLUMNS: tl.constexpr, BITS: tl.constexpr, CANDIDATES: tl.constexpr,
):  # fmt: skip
    """Of one row the k largest numbers in its best columns, where the row's entries start."""
    row = tl.program_id(0).to(tl.int64)
    candidate = tl.arange(0, CANDIDATES)
    feature = tl.load(best + row * k + candidate % k) + candidate // k * COLUMNS
    value = tl.load(bits + row * width + feature, mask=feature < width, other=0).to(tl.int32)
    largest = _largest(value, k, BITS)
    start = tl.load(offsets + row)
    tl.store(features + start + _places(largest), feature, mask=largest)


@triton.jit
def _largest(values, k, BITS: tl.constexpr):
    """Which of the values below 2**BITS are the k largest above 0; of equal ones, the first.

    The k-th largest is found bit by bit, the highest first.
    """
    border = 0
    for i in range(BITS):
        higher = border | (1 << (BITS - 1 - i))
        reached = tl.sum((values >= higher).to(tl.int32))
        border = tl.where(reached >= k, higher, border)
    border = tl.maximum(border, 1)
    above, at = values > border, values == border
    return above | (at & (tl.cumsum(at.to(tl.int32)) <= k - tl.sum(above.to(tl.int32))))


@triton.jit
def _places(chosen):
    """Where each of the chosen comes to stand when they are put together."""
    return tl.cumsum(chosen.to(tl.int32)) - 1


@triton.jit
def _count_above(pre, bounds, counts, width, STRETCH: tl.constexpr):
    row, stretch = tl.program_id(0).to(tl.int64), tl.program_id(1)
    _, _, reached = _reached(pre, bounds, row, stretch, width, STRETCH)
    tl.store(counts + row * tl.num_programs(1) + stretch, tl.sum(reached.to(tl.int32)))


@triton.jit
def _fill_above(pre, bounds, starts, features, values, width, STRETCH: tl.constexpr):
    row, stretch = tl.program_id(0).to(tl.int64), tl.program_id(1)
    feature, value, reached = _reached(pre, bounds, row, stretch, width, STRETCH)
    place = tl.load(starts + row * tl.num_programs(1) + stretch) + _places(reached)
    tl.store(features + place, feature, mask=reached)
    tl.store(values + place, value, mask=reached)


@triton.jit
def _reached(pre, bounds, row, stretch, width, STRETCH: tl.constexpr):
    """The features of a stretch of a row, their values, and which of them reach their bounds."""
    feature = stretch * STRETCH + tl.arange(0, STRETCH)
    inside = feature < width
    value = tl.load(pre + row * width + feature, mask=inside, other=0.0)
    bound = tl.load(bounds + feature, mask=inside, other=float("inf"))
    return feature, value, value.to(tl.float32) >= bound.to(tl.float32)
