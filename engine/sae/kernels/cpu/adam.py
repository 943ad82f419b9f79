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
    """Take a step of Adam with rows [F, d], in place, and leave `grad` [F, d] 0. Gives Σ grad² of
    each row, before anything is taken out: [F].

    moments: the first and second, [F, d] each, in place. step_size: the learning rate over
    1 − β₁ᵗ at step t; correction: 1 / √(1 − β₂ᵗ). unit: whether rows are of length 1 and stay so;
    what a gradient has along its row is then taken out before it reaches the moments.
    """
    squares = rows.new_empty(len(rows))
    rests = [1 - beta for beta in betas]
    with np.errstate(over="ignore"):  # a rate beyond fp32 is found by what becomes of the weights
        scalars = np.array([*betas, *rests, step_size, correction, eps]).astype(np.float32)
    tensors = arrays(rows, grad, *moments, squares)
    run_in_threads(_adam_rows, len(rows), *tensors, scalars, unit)
    return squares


@jit
def _adam_rows(rows, grad, first, second, squares, scalars, unit, lo, hi):
    # Single numbers and no more than one name for an element: else the loop isn't vectorised. And
    # rests that the compiler doesn't know to be 1 − β: it would make β (m − g) + g of a mean, which
    # is no number where the square of a gradient is infinite.
    beta1, beta2, rest1, rest2 = scalars[0], scalars[1], scalars[2], scalars[3]
    step_size, correction, eps = scalars[4], scalars[5], scalars[6]
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
