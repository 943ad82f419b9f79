"""The kernels for a GPU, in Triton: compiled for it at first use.

Triton comes with PyTorch's builds for a GPU; for its first launch it needs a C compiler. Every sum
is taken in fp32 by one program in one order, so that the same input gives the same bits.

Nothing here waits for the GPU but what has a size that only the GPU knows: the number of entries
that `select_top_k` and `select_above` find, and what `largest` keeps.
"""

from engine.sae.kernels.cuda.rows import normalise_rows, remove_parallel
from engine.sae.kernels.cuda.selection import select_above, select_top_k
from engine.sae.kernels.cuda.sorting import largest, sort_by_feature, stack_by_group
from engine.sae.kernels.cuda.sums import (
    dots,
    residual_and_dots,
    sums_by_feature,
    totals_by_feature,
    weighted_rows,
)

__all__ = [
    "dots",
    "largest",
    "normalise_rows",
    "remove_parallel",
    "residual_and_dots",
    "select_above",
    "select_top_k",
    "sort_by_feature",
    "stack_by_group",
    "sums_by_feature",
    "totals_by_feature",
    "weighted_rows",
]
