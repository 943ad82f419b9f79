"""The permutation test against all deals that there are, and against its laws."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine.features.search.permutation_test import ENOUGH, PermutationTest, permutation_test
from engine.progress import Cancelled

A, DOCUMENTS = 3, 8
"""56 deals."""


def sums_and_sizes(seed: int, rows: int = 12) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    sums = random.random((rows, DOCUMENTS)) * (random.random((rows, DOCUMENTS)) < 0.6)
    return sums, random.integers(1, 9, DOCUMENTS).astype(float)


def exact(sums: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Over all ways to choose which documents are of the first set."""

    def apart(chosen: tuple[int, ...]) -> np.ndarray:
        others = [d for d in range(DOCUMENTS) if d not in chosen]
        a, b = (sums[:, list(of)].sum(1) / sizes[list(of)].sum() for of in (chosen, others))
        return abs(a - b)

    deals = [apart(deal) for deal in itertools.combinations(range(DOCUMENTS), A)]
    return np.mean([deal >= apart(tuple(range(A))) - 1e-12 for deal in deals], axis=0)


def run(sums: np.ndarray, sizes: np.ndarray, most: int = 20_000, seed: int = 0) -> PermutationTest:
    is_a = np.arange(DOCUMENTS) < A
    return permutation_test(csr_array(sums), sizes, is_a, most=most, seed=seed)


def test_it_comes_to_what_all_deals_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.features.search.permutation_test.ENOUGH", 4000)
    for seed in range(3):
        sums, sizes = sums_and_sizes(seed)
        assert run(sums, sizes).p == pytest.approx(exact(sums, sizes), rel=0.1)


def test_q_is_what_benjamini_and_hochberg_say() -> None:
    sums, sizes = sums_and_sizes(5)
    found = run(sums, sizes)
    order = found.p.argsort()
    ranked = found.p[order] * len(order) / np.arange(1, len(order) + 1)
    expected = np.minimum.accumulate(ranked[::-1])[::-1].clip(max=1)
    assert found.q[order] == pytest.approx(expected)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), most=st.integers(1, 300))
def test_a_p_is_a_share_of_the_deals_and_the_same_for_the_same_seed(seed: int, most: int) -> None:
    sums, sizes = sums_and_sizes(seed)
    found = run(sums, sizes, most, seed)
    assert (found.p >= 1 / (most + 1)).all()
    assert (found.p <= 1).all()
    assert (found.q >= found.p - 1e-12).all()
    again = run(sums, sizes, most, seed)
    assert found.p.tobytes() == again.p.tobytes()
    # a row is tested by the same deals, whatever stands beside it
    assert run(sums[:1], sizes, most, seed).p[0] == found.p[0]


def test_a_row_that_chance_reaches_often_is_tried_no_further() -> None:
    """Besag and Clifford's p: as many deals as it took until the last that counts."""
    sums, sizes = np.ones((1, DOCUMENTS)) * 3.0, np.full(DOCUMENTS, 3.0)
    told: list[int] = []
    is_a = np.arange(DOCUMENTS) < A
    found = permutation_test(csr_array(sums), sizes, is_a, most=100_000, seed=0, tick=told.append)
    assert found.p[0] == 1  # nothing differs, so that each of the first deals is as far apart
    assert told == [0]
    assert ENOUGH < 256


def test_under_the_null_p_is_uniform_and_what_differs_is_found() -> None:
    random = np.random.default_rng(1)
    documents = 40
    sums = random.random((600, documents))
    sums[:30, :20] += 0.6
    is_a = np.arange(documents) < 20
    found = permutation_test(csr_array(sums), np.ones(documents), is_a, most=20_000, seed=0)
    assert (found.q[:30] <= 0.05).mean() > 0.9
    assert (found.q[30:] <= 0.05).sum() <= 6
    assert np.quantile(found.p[30:], [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.07)


def test_it_can_be_given_up() -> None:
    def tick(done: int) -> None:
        raise Cancelled

    sums, sizes = sums_and_sizes(0)
    with pytest.raises(Cancelled):
        permutation_test(
            csr_array(sums), sizes, np.arange(DOCUMENTS) < A, most=9, seed=0, tick=tick
        )
