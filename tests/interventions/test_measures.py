"""Measures against scipy-free arithmetic, and the laws they obey."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from engine.interventions import measures
from engine.interventions.measures import (
    cross_entropy,
    first_divergence,
    kl_per_position,
    next_token_table,
)

logit_pairs = st_numpy.arrays(np.float32, (2, 4, 6), elements=st.floats(-20, 20, width=32))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


@settings(deadline=None, max_examples=50)
@given(logit_pairs, st.sampled_from([6, 12, 1 << 22]))
def test_kl_is_the_sum_over_the_vocabulary(pair: np.ndarray, at_once: int) -> None:
    log_p, log_q = log_softmax(pair)
    expected = (np.exp(log_p) * (log_p - log_q)).sum(-1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "_ELEMENTS", at_once)
        found = kl_per_position(torch.from_numpy(pair[0]), torch.from_numpy(pair[1]))
    np.testing.assert_allclose(found, expected, atol=1e-12, rtol=1e-9)
    assert (found >= 0).all()


@settings(deadline=None, max_examples=50)
@given(logit_pairs, st.floats(-50, 50))
def test_a_model_does_not_differ_from_itself(pair: np.ndarray, offset: float) -> None:
    logits = torch.from_numpy(pair[0]).double()
    np.testing.assert_allclose(kl_per_position(logits, logits + offset), 0, atol=1e-12)


def test_cross_entropy_predicts_each_token_from_those_before_it() -> None:
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0], [9.0, 9.0]])
    expected = (math.log(2) + math.log(4)) / 2
    assert cross_entropy(logits, torch.tensor([0, 0, 1])) == pytest.approx(expected)
    assert cross_entropy(logits, torch.tensor([0])) is None


def test_the_next_token_table_holds_the_likeliest_of_both() -> None:
    generator = torch.Generator().manual_seed(0)
    before, after = torch.randn(2, 30, generator=generator)
    table = next_token_table(before, after, [f"t{i}" for i in range(30)])
    log_before, log_after = log_softmax(before.numpy()), log_softmax(after.numpy())
    wanted = {*np.argsort(-log_before)[:5].tolist(), *np.argsort(-log_after)[:5].tolist()}
    order = sorted(wanted, key=lambda i: -log_before[i])
    assert [row.token for row in table] == [f"t{i}" for i in order]
    assert [row.logp_before for row in table] == pytest.approx([log_before[i] for i in order])
    assert [row.logp_after for row in table] == pytest.approx([log_after[i] for i in order])


@pytest.mark.parametrize(
    ("one", "other", "index"),
    [
        ([1, 2, 3], [1, 2, 3], None),
        ([], [], None),
        ([1, 2, 3], [1, 5, 3], 1),
        ([1, 2], [1, 2, 3], 2),
        ([], [4], 0),
    ],
)
def test_first_divergence(one: list[int], other: list[int], index: int | None) -> None:
    assert first_divergence(one, other) == index
    assert first_divergence(other, one) == index
