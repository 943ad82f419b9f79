"""What is done to every row of the weights, and to one row at a time."""

import numpy as np
from torch import Tensor

from engine.numba_launch import arrays, jit, run_in_threads


def take_out_parallel(grad: Tensor, rows: Tensor) -> None:
    """See `reference.take_out_parallel`."""
    run_in_threads(_take_out_parallel, len(rows), *arrays(grad, rows))


def normalise_rows(rows: Tensor) -> None:
    """See `reference.normalise_rows`."""
    run_in_threads(_normalise_rows, len(rows), *arrays(rows))


@jit
def _take_out_parallel(grad, rows, lo, hi):
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
