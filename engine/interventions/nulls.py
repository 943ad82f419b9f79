"""What the same edit does along other directions: the nulls that an effect is held against."""

import dataclasses
from collections.abc import Sequence

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.features.columns import Columns
from engine.interventions.delta import ResolvedEdit
from engine.interventions.operations import find_operation
from engine.interventions.spec import FeatureEdit, Null

_WITHIN = np.log(2.0)
_LOW, _HIGH = 0.05, 0.95
_ENOUGH = 10
"""Nulls as far from 0 as an effect, after which its p can't become small any more."""


def matched_features(
    columns: Columns, features: Sequence[int], n: int, seed: int
) -> list[list[int]]:
    """Up to `n` random stand-ins for a set of edited features: in each, one for every feature.

    A stand-in is alive and matched in density and in maximum: it is drawn at random from the
    features within a factor of two of the edited one in both; where these are too few, the
    nearest others (in log density and log maximum) fill up. No feature stands in twice, and no
    edited one at all. There are fewer than `n` sets when too few features are alive, and none when
    an edited feature is silent, since nothing alive is like it.
    """
    density, maximum = columns["density"], columns["max"]
    alive = density > 0
    if not alive[list(features)].all():
        return []
    free = alive.copy()
    free[list(features)] = False
    n = min(n, int(free.sum()) // len(features))
    rng = np.random.default_rng(seed)
    stand_ins = []
    for feature in features:
        candidates = np.flatnonzero(free)
        apart = np.maximum(
            _log_ratio(density[candidates], density[feature]),
            _log_ratio(maximum[candidates], maximum[feature]),
        )
        alike = rng.permutation(candidates[apart <= _WITHIN])
        others = candidates[apart > _WITHIN]
        nearest = others[np.argsort(apart[apart > _WITHIN], kind="stable")]
        chosen = np.concatenate([alike, nearest])[:n]
        free[chosen] = False
        stand_ins.append(chosen.tolist())
    return [list(one_for_each) for one_for_each in zip(*stand_ins, strict=True)]


def null_edits(
    edits: Sequence[FeatureEdit], stand_ins: Sequence[int], columns: Columns
) -> list[ResolvedEdit]:
    """The edits' operations on their stand-ins, in units of the stand-ins' own maxima.

    A value given in absolute units is taken as so many times the edited feature's maximum.
    """
    alike = []
    for edit, stand_in in zip(edits, stand_ins, strict=True):
        own = float(columns["max"][stand_in])
        edited = float(columns["max"][edit.feature])
        has_unit = find_operation(edit.operation).has_unit
        scale = own / edited if edit.unit == "absolute" and has_unit else 1.0
        same = msgspec.structs.replace(edit, feature=stand_in, value=edit.value * scale)
        alike.append(ResolvedEdit.of(same, own))
    return alike


def direction_edits(
    edits: Sequence[ResolvedEdit], W_dec: Tensor, n: int, seed: int
) -> list[list[ResolvedEdit]]:
    """The edits `n` times, each time along random directions in place of the rows of W_dec.

    The directions of one null have the lengths of the rows and their angles to one another, so that
    every token is moved exactly as far as by the edits. They are uniform among all such: the first
    vectors of a random orthogonal basis, combined as the rows combine theirs.
    """
    rows = W_dec[[edit.feature for edit in edits]].double().cpu()
    # rows = L · Q with orthonormal Q: any other orthonormal Q gives the same dot products
    combined = torch.linalg.qr(rows.T, mode="reduced").R.T
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for _ in range(n):
        gauss = torch.randn(rows.shape[1], combined.shape[1], dtype=rows.dtype, generator=generator)
        # the signs of R make Q's distribution uniform (Mezzadri 2007, arXiv:math-ph/0609050)
        basis, upper = torch.linalg.qr(gauss)
        directions = combined @ (basis * upper.diagonal().sign()).T
        drawn.append(
            [
                dataclasses.replace(edit, direction=direction.float())
                for edit, direction in zip(edits, directions, strict=True)
            ]
        )
    return drawn


def flip(edits: Sequence[ResolvedEdit], W_dec: Tensor) -> list[ResolvedEdit]:
    """The edits, moving every token the opposite way."""
    return [dataclasses.replace(edit, direction=-W_dec[edit.feature].float()) for edit in edits]


def where_silent(edits: Sequence[ResolvedEdit]) -> list[ResolvedEdit]:
    """Each of the edits only where its feature isn't active."""
    return [dataclasses.replace(edit, where_silent=True) for edit in edits]


def compare_with_null(observed: float, nulls: Sequence[float]) -> Null | None:
    """Where an effect lies among those of the nulls; None without any.

    p = (1 + #{|null| ≥ |observed|}) / (n + 1), which can't be 0: the observed effect counts as one
    of its own null (Phipson and Smyth, "Permutation P-values should never be zero", 2010).
    """
    if not nulls:
        return None
    values: NDArray[np.float64] = np.array(nulls, dtype=np.float64)
    low, high = np.quantile(values, [_LOW, _HIGH])
    return Null(
        n=len(values),
        mean=float(values.mean()),
        low=float(low),
        high=float(high),
        p=(1 + int((np.abs(values) >= abs(observed)).sum())) / (len(values) + 1),
    )


def is_clear(observed: float, nulls: Sequence[float]) -> bool:
    """Whether as many nulls are as far from 0 as the observed effect as a small p can't have."""
    return int((np.abs(nulls) >= abs(observed)).sum()) >= _ENOUGH


def compare_in_sequence(observed: float, nulls: Sequence[float]) -> Null | None:
    """The same of nulls that were drawn until it `is_clear`, or as many as there were to be.

    Where it became clear with the l-th null, p = 10 / l: as exact as of a number of nulls that was
    fixed before (Besag and Clifford, "Sequential Monte Carlo p-values", 1991).
    """
    found = compare_with_null(observed, nulls)
    if found is None or not is_clear(observed, nulls):
        return found
    as_far = np.flatnonzero(np.abs(nulls) >= abs(observed))
    return msgspec.structs.replace(found, p=_ENOUGH / float(as_far[_ENOUGH - 1] + 1))


def _log_ratio(values: NDArray[np.float32], value: np.float32) -> NDArray[np.float64]:
    """|log(values / value)| for positive values."""
    return np.abs(np.log(values.astype(np.float64) / float(value)))
