"""Adam on rows of weights: one pass over memory for what would be six (the gradient's length, the
constraint on it, the moments, the step, the constraint on the weights, clearing the gradient)."""

import numpy as np
from torch import Tensor

from engine.numba_launch import arrays, jit, run_in_threads
from engine.sae.kernels.cpu.rows import dot


def adam_rows(
    rows: Tensor,
    grad: Tensor,
    moments: tuple[Tensor, Tensor],
    betas: tuple[float, float],
    step_size: float,
    correction: float,
    eps: float,
    *,
    unit: bool,
) -> Tensor:
    """A step of Adam, as `Kernels.adam_rows` says."""
    squares = rows.new_empty(len(rows))
    scalars = np.array([*betas, step_size, correction, eps], np.float32)
    tensors = arrays(rows, grad, *moments, squares)
    run_in_threads(_adam_rows, len(rows), *tensors, scalars, unit)
    return squares


@jit
def _adam_rows(rows, grad, first, second, squares, scalars, unit, lo, hi):
    # single numbers and no more than one name for an element: else the loop isn't vectorised
    beta1, beta2 = scalars[0], scalars[1]
    step_size, correction, eps = scalars[2], scalars[3], scalars[4]
    rest1, rest2 = np.float32(1) - beta1, np.float32(1) - beta2
    zero = np.float32(0)
    for f in range(lo, hi):
        w, g, m, v = rows[f], grad[f], first[f], second[f]
        squares[f] = dot(g, g)
        along = dot(g, w) if unit else zero
        for j in range(len(w)):
            slope = g[j] - along * w[j]
            mean = beta1 * m[j] + rest1 * slope
            square = beta2 * v[j] + rest2 * slope * slope
            m[j] = mean
            v[j] = square
            w[j] -= step_size * mean / (np.sqrt(square) * correction + eps)
            g[j] = zero
        if unit:
            factor = np.float32(1) / np.sqrt(dot(w, w))
            for j in range(len(w)):
                w[j] *= factor
