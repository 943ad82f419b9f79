"""The kernels for the CPU, in Numba: compiled at first use, without a compiler on the machine.

Every kernel works on a range of rows, `lo` to `hi`, with the interpreter's lock released.
"""

from engine.sae.kernels.cpu.selection import select_above, select_top_k
from engine.sae.kernels.cpu.sorting import largest, sort_by_feature, stack_by_group
from engine.sae.kernels.cpu.sums import dots, residual_and_dots, sums_by_feature, totals_by_feature
from engine.sae.kernels.reference import (
    normalise_rows,  # in a training step `adam_rows` does these two
    remove_parallel,
    weighted_rows,  # torch's embedding_bag is the faster one
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
