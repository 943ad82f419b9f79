"""What turns a product of fp32 matrices into one of 8-bit integers and back."""

import numpy as np
import torch
from torch import Tensor

from engine.numba_launch import arrays, bits_of, jit, run_in_threads

MOST = 127
"""The largest integer that a number is rounded to."""


def to_integers(rows: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """rows · weights [n, d] of rows [n, d] and weights [d], as int8, and what one of them is worth
    in each row: [n]."""
    integers = torch.empty(rows.shape, dtype=torch.int8)
    worth = rows.new_empty(len(rows))
    run_in_threads(_to_integers, len(rows), *arrays(rows, weights, integers, worth))
    return integers, worth


def from_integers(
    products: Tensor, row_worth: Tensor, column_worth: Tensor, bias: Tensor, out: Tensor
) -> None:
    """Fill `out` [n, F] bf16 with products [n, F] int32 in the units of fp32, plus bias [F];
    rounded towards 0."""
    tensors = arrays(products, row_worth, column_worth, bias)
    run_in_threads(_from_integers, len(products), *tensors, bits_of(out))


@jit
def _to_integers(rows, weights, integers, worth, lo, hi):
    line = np.empty(rows.shape[1], np.float32)
    for i in range(lo, hi):
        row = rows[i]
        most = np.float32(1e-30)
        for j in range(len(line)):
            line[j] = row[j] * weights[j]
        for j in range(len(line)):
            most = max(most, abs(line[j]))
        worth[i] = most / np.float32(MOST)
        factor = np.float32(MOST) / most
        whole = integers[i]
        for j in range(len(line)):
            whole[j] = np.int8(np.rint(line[j] * factor))


@jit
def _from_integers(products, row_worth, column_worth, bias, out, lo, hi):
    line = np.empty(products.shape[1], np.float32)
    bits = line.view(np.int32)
    for i in range(lo, hi):
        worth, row, written = row_worth[i], products[i], out[i]
        for j in range(len(line)):
            line[j] = np.float32(row[j]) * (worth * column_worth[j]) + bias[j]
        for j in range(len(line)):
            written[j] = np.int16(bits[j] >> 16)
