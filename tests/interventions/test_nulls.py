"""Nulls: who may stand in for a feature, and what p means."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.interventions.delta import ResolvedEdit
from engine.interventions.nulls import (
    compare_in_sequence,
    compare_with_null,
    direction_edits,
    is_clear,
    matched_features,
    null_edits,
)
from engine.interventions.spec import FeatureEdit

GENERATOR = np.random.default_rng(0)
COLUMNS = {
    "density": (10 ** GENERATOR.uniform(-4, -1, 400)).astype(np.float32),
    "max": (10 ** GENERATOR.uniform(-1, 2, 400)).astype(np.float32),
}
COLUMNS["density"][300:] = 0
COLUMNS["max"][300:] = 0


def alike(one: int, other: int) -> bool:
    ratios = [COLUMNS[name][one] / COLUMNS[name][other] for name in COLUMNS]
    return all(0.5 <= ratio <= 2 for ratio in ratios)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 299), min_size=1, max_size=3, unique=True),
    st.integers(0, 150),
    st.integers(0, 3),
)
def test_stand_ins_are_alive_unedited_and_all_different(
    features: list[int], n: int, seed: int
) -> None:
    sets = matched_features(COLUMNS, features, n, seed)
    assert len(sets) == min(n, (300 - len(features)) // len(features))
    stand_ins = [feature for one_for_each in sets for feature in one_for_each]
    assert len(set(stand_ins)) == len(stand_ins) == len(sets) * len(features)
    assert not set(stand_ins) & set(features)
    assert all(feature < 300 for feature in stand_ins)
    assert sets == matched_features(COLUMNS, features, n, seed)


@pytest.mark.parametrize("feature", range(0, 300, 37))
def test_those_alike_come_first_and_then_the_nearest(feature: int) -> None:
    close = {other for other in range(300) if other != feature and alike(feature, other)}
    assert len(close) > 2
    some = {one for (one,) in matched_features(COLUMNS, [feature], len(close) - 1, seed=0)}
    assert some < close
    more = {one for (one,) in matched_features(COLUMNS, [feature], len(close) + 5, seed=0)}
    assert close < more

    def apart(other: int) -> float:
        return max(
            abs(np.log(float(COLUMNS[name][other]) / float(COLUMNS[name][feature])))
            for name in COLUMNS
        )

    furthest = max(apart(other) for other in more)
    left_out = set(range(300)) - more - {feature}
    assert all(apart(other) >= furthest for other in left_out)


def test_another_seed_draws_others() -> None:
    draws = [matched_features(COLUMNS, [0], 5, seed) for seed in range(3)]
    assert draws[0] != draws[1] or draws[1] != draws[2]


def test_nothing_alive_is_like_a_silent_feature() -> None:
    assert matched_features(COLUMNS, [350], 10, seed=0) == []


def test_stand_ins_get_the_same_operation_in_units_of_their_own_maximum() -> None:
    columns = {"max": np.array([10.0, 4.0], dtype=np.float32)}

    def change(edit: FeatureEdit) -> ResolvedEdit:
        (only,) = null_edits([edit], [1], columns)
        return only

    times = FeatureEdit(feature=0, value=5.0, unit="max")
    absolute = FeatureEdit(feature=0, operation="add", value=5.0)
    scaled = FeatureEdit(feature=0, operation="scale", value=5.0)
    ablated = FeatureEdit(feature=0, operation="ablate")
    assert change(times) == ResolvedEdit(1, "clamp", 20.0)
    assert change(absolute) == ResolvedEdit(1, "add", 2.0)
    assert change(scaled) == ResolvedEdit(1, "scale", 5.0)
    assert change(ablated) == ResolvedEdit(1, "ablate", 0.0)


@given(st.floats(-3, 3), st.lists(st.floats(-3, 3), min_size=1, max_size=30))
def test_p_counts_the_nulls_that_are_as_far_from_0(observed: float, nulls: list[float]) -> None:
    null = compare_with_null(observed, nulls)
    assert null is not None
    as_far = sum(abs(value) >= abs(observed) for value in nulls)
    assert null.p == (1 + as_far) / (len(nulls) + 1)
    assert 0 < null.p <= 1
    assert min(nulls) <= null.low <= null.high <= max(nulls)
    assert null.mean == pytest.approx(sum(nulls) / len(nulls))
    assert null.n == len(nulls)


def test_low_and_high_are_the_5_and_95_percent_quantiles() -> None:
    null = compare_with_null(0.0, [float(i) for i in range(101)])
    assert null is not None
    assert (null.low, null.high) == (pytest.approx(5), pytest.approx(95))


def test_without_nulls_there_is_nothing_to_compare_with() -> None:
    assert compare_with_null(1.0, []) is None


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(5, 12), st.integers(0, 5))
def test_directions_have_the_lengths_and_angles_of_the_rows(
    edits: int, width: int, seed: int
) -> None:
    W_dec = torch.randn(8, width, generator=torch.Generator().manual_seed(seed))
    own = [ResolvedEdit(feature, "clamp", 1.0) for feature in range(edits)]
    rows = W_dec[:edits].double()
    drawn = direction_edits(own, W_dec, 3, seed)
    assert len(drawn) == 3
    for null in drawn:
        directions = torch.stack([e.direction for e in null if e.direction is not None]).double()
        assert torch.allclose(directions @ directions.T, rows @ rows.T, atol=1e-4)
        assert not torch.allclose(directions, rows, atol=1e-2)
    assert [[e.feature for e in null] for null in drawn] == [[*range(edits)]] * 3


def test_directions_lean_to_no_side() -> None:
    """Of uniform unit vectors each coordinate has mean 0, and its square has mean 1 / width."""
    W_dec = torch.eye(6)
    drawn = direction_edits([ResolvedEdit(2, "clamp", 1.0)], W_dec, 4000, seed=1)
    found = torch.stack([null[0].direction for null in drawn if null[0].direction is not None])
    assert found.mean(0).abs().max() < 0.03
    assert (found.square().mean(0) - 1 / 6).abs().max() < 0.02


@settings(deadline=None, max_examples=50)
@given(st.floats(-2, 2), st.lists(st.floats(-3, 3), min_size=1, max_size=60))
def test_in_sequence_p_is_ten_by_the_draw_that_was_the_tenth_as_far(
    observed: float, nulls: list[float]
) -> None:
    found = compare_in_sequence(observed, nulls)
    assert found is not None
    hits = [place for place, value in enumerate(nulls, 1) if abs(value) >= abs(observed)]
    assert is_clear(observed, nulls) == (len(hits) >= 10)
    expected = 10 / hits[9] if len(hits) >= 10 else (1 + len(hits)) / (1 + len(nulls))
    assert found.p == pytest.approx(expected)


def test_in_sequence_p_is_uniform_where_nothing_is_special() -> None:
    """P(p ≤ a) ≤ a for every a: of what was drawn from the nulls' own distribution."""
    generator = np.random.default_rng(0)
    found = []
    for _ in range(2000):
        drawn = generator.normal(size=101)
        nulls = drawn[1:21]
        while len(nulls) < 100 and not is_clear(drawn[0], nulls.tolist()):
            nulls = drawn[1 : len(nulls) + 21]
        null = compare_in_sequence(drawn[0], nulls.tolist())
        assert null is not None
        found.append(null.p)
    for level in (0.05, 0.1, 0.25, 0.5):
        assert np.mean(np.array(found) <= level) == pytest.approx(level, abs=0.03)
