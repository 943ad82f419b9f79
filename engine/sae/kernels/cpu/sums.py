"""Sums over the active features of a vector, and over the vectors of a feature."""

import torch
from torch import Tensor

from engine.numba_launch import arrays, jit, run_in_threads
from engine.sae.kernels.cpu.rows import add, dot
from engine.sae.kernels.support import ByFeature, Support


def dots(vectors: Tensor, rows: Tensor, support: Support) -> Tensor:
    """See `reference.dots`."""
    out = vectors.new_empty(len(support.features))
    run_in_threads(_dots, len(vectors), *arrays(vectors, rows, *support, out))
    return out


def residual(
    target: Tensor, decoder: Tensor, support: Support, acts: Tensor
) -> tuple[Tensor, Tensor]:
    """See `reference.residual`; a vector's rows are still in the cache for the second half."""
    left, out = torch.empty_like(target), torch.empty_like(acts)
    run_in_threads(_residual, len(target), *arrays(target, decoder, *support, acts, left, out))
    return left, out


def sums_by_feature(sorted_: ByFeature, weights: Tensor, vectors: Tensor, out: Tensor) -> None:
    """See `reference.sums_by_feature`."""
    run_in_threads(_sums_by_feature, len(out), *arrays(*sorted_, weights, vectors, out))


def totals_by_feature(sorted_: ByFeature, weights: Tensor) -> Tensor:
    """See `reference.totals_by_feature`."""
    out = weights.new_empty(len(sorted_.starts) - 1)
    _totals_by_feature(*arrays(sorted_.starts, sorted_.entries, weights, out))
    return out


@jit
def _dots(vectors, rows, offsets, features, out, lo, hi):
    for i in range(lo, hi):
        for entry in range(offsets[i], offsets[i + 1]):
            out[entry] = dot(vectors[i], rows[features[entry]])


@jit
def _residual(target, decoder, offsets, features, acts, left, out, lo, hi):
    for i in range(lo, hi):
        line = left[i]
        line[:] = target[i]
        for entry in range(offsets[i], offsets[i + 1]):
            add(line, -acts[entry], decoder[features[entry]])
        for entry in range(offsets[i], offsets[i + 1]):
            out[entry] = dot(line, decoder[features[entry]])


@jit
def _sums_by_feature(starts, entries, which, weights, vectors, out, lo, hi):
    for f in range(lo, hi):
        for place in range(starts[f], starts[f + 1]):
            add(out[f], weights[entries[place]], vectors[which[place]])


@jit
def _totals_by_feature(starts, entries, weights, out):
    for f in range(len(out)):
        total = 0.0
        for place in range(starts[f], starts[f + 1]):
            total += weights[entries[place]]
        out[f] = total
