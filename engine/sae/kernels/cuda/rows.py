"""What is done with each whole row, a feature's direction: it is read once."""

import triton
import triton.language as tl
from torch import Tensor

from engine.sae.kernels.cuda.launch import launch, warps_for


def remove_parallel(grad: Tensor, rows: Tensor) -> None:
    """Take from each row of `grad` its part along that row of `rows`, which has length 1."""
    wide = triton.next_power_of_2(rows.shape[1])
    arrays = (grad, rows.detach().contiguous())
    launch(
        _remove_parallel,
        (len(rows),),
        *arrays,
        rows.shape[1],
        WIDE=wide,
        num_warps=warps_for(wide),
    )


def normalise_rows(rows: Tensor) -> None:
    """Give every row [F, d] length 1."""
    wide = triton.next_power_of_2(rows.shape[1])
    launch(_normalise_rows, (len(rows),), rows, rows.shape[1], WIDE=wide, num_warps=warps_for(wide))


@triton.jit
def _remove_parallel(grad, rows, d, WIDE: tl.constexpr):
    column = tl.arange(0, WIDE)
    place = tl.program_id(0).to(tl.int64) * d + column
    slope = tl.load(grad + place, mask=column < d, other=0.0).to(tl.float32)
    row = tl.load(rows + place, mask=column < d, other=0.0).to(tl.float32)
    tl.store(grad + place, slope - tl.sum(slope * row) * row, mask=column < d)


@triton.jit
def _normalise_rows(rows, d, WIDE: tl.constexpr):
    column = tl.arange(0, WIDE)
    place = rows + tl.program_id(0).to(tl.int64) * d + column
    row = tl.load(place, mask=column < d, other=0.0).to(tl.float32)
    tl.store(place, row / tl.sqrt(tl.sum(row * row)), mask=column < d)
