"""What is done to every row of the weights, and to one row at a time."""

import numpy as np
from torch import Tensor

from engine.numba_launch import arrays, jit, run_in_threads


def remove_parallel(grad: Tensor, rows: Tensor) -> None:
    """Take from each row of `grad` its part along that row of `rows`, which has length 1."""
    run_in_threads(_remove_parallel, len(rows), *arrays(grad, rows))


def normalise_rows(rows: Tensor) -> None:
    """Give every row [F, d] length 1."""
    run_in_threads(_normalise_rows, len(rows), *arrays(rows))


@jit
def _remove_parallel(grad, rows, lo, hi):
    for f in range(lo, hi):
        add(grad[f], -dot(grad[f], rows[f]), rows[f])


@jit
def _normalise_rows(rows, lo, hi):
    for f in range(lo, hi):
        factor = 1 / np.sqrt(dot(rows[f], rows[f]))
        for j in range(rows.shape[1]):
            rows[f, j] *= factor


@jit
def dot(a, b):
    total = a.dtype.type(0)
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@jit
def add(to, weight, row):
    for j in range(len(to)):
        to[j] += weight * row[j]
