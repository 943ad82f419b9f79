"""What turns a product of fp32 matrices into one of 8-bit integers and back."""

import numpy as np
import torch
from torch import Tensor

from engine.numba_launch import arrays, jit, run_in_threads
from engine.sae.kernels.cpu.selection import columns_for, support_of, top_k_of_line
from engine.sae.kernels.support import Support

MOST = np.float32(127)
"""The largest integer that a number is rounded to."""
ROUNDING = np.float32(3 << 22)
"""What is added to a float to have it rounded: the lowest bits are then those of the integer."""


def to_integers(rows: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """rows · weights [n, d] of rows [n, d] and weights [d], as int8, and what one of them is worth
    in each row: [n]."""
    integers = torch.empty(rows.shape, dtype=torch.int8)
    worth = rows.new_empty(len(rows))
    run_in_threads(_to_integers, len(rows), *arrays(rows, weights, integers, worth))
    return integers, worth


def from_integers(
    products: Tensor, row_worth: Tensor, column_worth: Tensor, bias: Tensor
) -> Tensor:
    """Products [n, F] int32 in the units of fp32, plus bias [F]; in the same memory."""
    out = products.view(torch.float32)
    tensors = arrays(products, row_worth, column_worth, bias, out)
    run_in_threads(_from_integers, len(products), *tensors)
    return out


def top_k_of_integers(
    products: Tensor, row_worth: Tensor, column_worth: Tensor, bias: Tensor, k: int
) -> Support:
    """Of each row of what `from_integers` makes the k largest above 0. It is made row by row, and
    doesn't leave the cache."""
    n, width = products.shape
    chosen, counts = np.empty((n, k), np.int32), np.empty(n, np.int64)
    tensors = arrays(products, row_worth, column_worth, bias)
    run_in_threads(_top_k_of_integers, n, *tensors, k, columns_for(k, width), chosen, counts)
    return support_of(chosen, counts)


@jit
def _to_integers(rows, weights, integers, worth, lo, hi):
    line = np.empty(rows.shape[1], np.float32)
    bits = line.view(np.int32)
    for i in range(lo, hi):
        row, whole = rows[i], integers[i]
        for j in range(len(line)):
            line[j] = abs(row[j] * weights[j])
        largest = np.int32(1)
        for j in range(len(line)):
            largest = max(largest, bits[j])  # of floats ≥ 0 the order is that of their bits
        bits[0] = largest
        worth[i] = max(line[0], np.float32(1e-30)) / MOST
        factor = np.float32(1) / worth[i]
        for j in range(len(line)):
            line[j] = row[j] * weights[j] * factor + ROUNDING
        for j in range(len(line)):
            whole[j] = np.int8(bits[j])


@jit
def _from_integers(products, row_worth, column_worth, bias, out, lo, hi):
    for i in range(lo, hi):
        _line_of_integers(products[i], row_worth[i], column_worth, bias, out[i])


@jit
def _top_k_of_integers(products, row_worth, column_worth, bias, k, columns, chosen, counts, lo, hi):
    width = products.shape[1]
    line = np.empty(width, np.float32)
    bits = line.view(np.int32)
    space, candidates = np.empty((2, width + 1), np.int32), np.empty(2 * width + 1, np.int32)
    for i in range(lo, hi):
        _line_of_integers(products[i], row_worth[i], column_worth, bias, line)
        counts[i] = top_k_of_line(bits, k, columns, space, candidates, chosen[i])


@jit
def _line_of_integers(products, worth, column_worth, bias, out):
    for j in range(len(out)):
        out[j] = np.float32(products[j]) * (worth * column_worth[j]) + bias[j]
