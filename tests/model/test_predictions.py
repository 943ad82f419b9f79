"""Surprisal and divergence, against arithmetic in numpy, and the laws they obey."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from engine.model import predictions
from engine.model.predictions import kl_per_position, surprisal_per_position

logit_pairs = st_numpy.arrays(np.float32, (2, 4, 6), elements=st.floats(-20, 20, width=32))
block_sizes = st.sampled_from([6, 12, 1 << 22])


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


@settings(deadline=None, max_examples=50)
@given(logit_pairs, block_sizes)
def test_kl_is_the_sum_over_the_vocabulary(pair: np.ndarray, at_once: int) -> None:
    log_p, log_q = log_softmax(pair)
    expected = (np.exp(log_p) * (log_p - log_q)).sum(-1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "_ELEMENTS", at_once)
        found = kl_per_position(torch.from_numpy(pair[0]), torch.from_numpy(pair[1]))
    np.testing.assert_allclose(found, expected, atol=1e-12, rtol=1e-9)
    assert (found >= 0).all()


@settings(deadline=None, max_examples=50)
@given(logit_pairs, st.floats(-50, 50))
def test_a_model_does_not_differ_from_itself(pair: np.ndarray, offset: float) -> None:
    logits = torch.from_numpy(pair[0]).double()
    np.testing.assert_allclose(kl_per_position(logits, logits + offset), 0, atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(logit_pairs, st.lists(st.integers(0, 5), min_size=4, max_size=4), block_sizes)
def test_surprisal_is_minus_the_log_probability_of_what_came(
    pair: np.ndarray, came: list[int], at_once: int
) -> None:
    expected = -log_softmax(pair[0])[np.arange(4), came]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "_ELEMENTS", at_once)
        found = surprisal_per_position(torch.from_numpy(pair[0]), torch.tensor(came))
    np.testing.assert_allclose(found, expected, atol=1e-12, rtol=1e-12)
