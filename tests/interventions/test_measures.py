"""Measures, against arithmetic in numpy."""

import math

import numpy as np
import pytest
import torch

from engine.interventions.measures import (
    cross_entropy,
    first_divergence,
    next_token_table,
)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


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
