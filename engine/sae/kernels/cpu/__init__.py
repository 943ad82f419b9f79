"""The kernels for the CPU, in Numba: compiled at first use, without a compiler on the machine.

Every kernel works on a range of rows, `lo` to `hi`, with the interpreter's lock released.
"""

from engine.sae.kernels.cpu.rows import normalise_rows, take_out_parallel
from engine.sae.kernels.cpu.selection import select_above, select_top_k
from engine.sae.kernels.cpu.sorting import by_feature, largest, stacked
from engine.sae.kernels.cpu.sums import dots, residual, sums_by_feature, totals_by_feature
from engine.sae.kernels.reference import weighted_rows  # torch's embedding_bag is the faster one

__all__ = [
    "by_feature",
    "dots",
    "largest",
    "normalise_rows",
    "residual",
    "select_above",
    "select_top_k",
    "stacked",
    "sums_by_feature",
    "take_out_parallel",
    "totals_by_feature",
    "weighted_rows",
]
