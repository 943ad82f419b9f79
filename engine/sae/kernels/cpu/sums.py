"""Sums over the active features of a vector, and over the vectors of a feature."""

import torch
from torch import Tensor

from engine.numba_launch import arrays, jit, run_in_threads
from engine.sae.kernels.cpu.rows import add, add_four, add_rows, dots_with
from engine.sae.kernels.support import ByFeature, Support


def dots(vectors: Tensor, rows: Tensor, support: Support) -> Tensor:
    """vectors[i] · rows[f] of every entry, as `Kernels.dots` says."""
    out = vectors.new_empty(len(support.features))
    run_in_threads(_dots, len(vectors), *arrays(vectors, rows, *support, out))
    return out


def residual_and_dots(
    target: Tensor, W_dec: Tensor, support: Support, acts: Tensor
) -> tuple[Tensor, Tensor]:
    """The residual, and its dot product with each entry's row, as `Kernels.residual_and_dots` says;
    a vector's rows are still in the cache for the second half."""
    residual, dots = torch.empty_like(target), torch.empty_like(acts)
    outputs = arrays(residual, dots)
    run_in_threads(
        _residual_and_dots, len(target), *arrays(target, W_dec, *support, acts), *outputs
    )
    return residual, dots


def sums_by_feature(by_feature: ByFeature, weights: Tensor, vectors: Tensor, out: Tensor) -> None:
    """Add Σ_i weights · vectors[i] of every feature to `out`, as `Kernels.sums_by_feature` says."""
    run_in_threads(_sums_by_feature, len(out), *arrays(*by_feature, weights, vectors, out))


def totals_by_feature(by_feature: ByFeature, weights: Tensor) -> Tensor:
    """Σ weights of every feature, as `Kernels.totals_by_feature` says."""
    out = weights.new_empty(len(by_feature.starts) - 1)
    _totals_by_feature(*arrays(by_feature.starts, by_feature.entries, weights, out))
    return out


@jit
def _dots(vectors, rows, offsets, features, out, lo, hi):
    for i in range(lo, hi):
        dots_with(vectors[i], rows, features, out, offsets[i], offsets[i + 1])


@jit
def _residual_and_dots(target, W_dec, offsets, features, acts, residual, dots, lo, hi):
    for i in range(lo, hi):
        line = residual[i]
        line[:] = target[i]
        entry, last = offsets[i], offsets[i + 1]
        while entry + 4 <= last:
            a, b, c, d = entry, entry + 1, entry + 2, entry + 3
            add_four(
                line,
                -acts[a],
                W_dec[features[a]],
                -acts[b],
                W_dec[features[b]],
                -acts[c],
                W_dec[features[c]],
                -acts[d],
                W_dec[features[d]],
            )
            entry += 4
        while entry < last:
            add(line, -acts[entry], W_dec[features[entry]])
            entry += 1
        dots_with(line, W_dec, features, dots, offsets[i], last)


@jit
def _sums_by_feature(starts, entries, which, weights, vectors, out, lo, hi):
    for f in range(lo, hi):
        add_rows(out[f], weights, entries, vectors, which, starts[f], starts[f + 1])


@jit
def _totals_by_feature(starts, entries, weights, out):
    for f in range(len(out)):
        total = 0.0
        for place in range(starts[f], starts[f + 1]):
            total += weights[entries[place]]
        out[f] = total
