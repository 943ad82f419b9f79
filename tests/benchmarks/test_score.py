"""A score is what its words say, whatever form a library's acts have."""

import pytest
import torch

from benchmarks.training.data import activations, directions
from benchmarks.training.score import Snapshot, score
from benchmarks.training.sizes import SIZES

TRUTH = directions(SIZES["tiny"])
HELD = activations(TRUTH, 3_000, held_out=True)
NO_ACTS = torch.zeros(1, 1)


def test_fvu_runs_from_0_for_the_vectors_to_1_for_their_mean() -> None:
    mean = HELD.mean(0)
    assert score(TRUTH, HELD, Snapshot(lambda x: (x, NO_ACTS), TRUTH)).fvu == 0
    of_mean = score(TRUTH, HELD, Snapshot(lambda x: (mean.expand_as(x), NO_ACTS), TRUTH))
    assert of_mean.fvu == pytest.approx(1, rel=1e-6)
    halfway = score(TRUTH, HELD, Snapshot(lambda x: ((x + mean) / 2, NO_ACTS), TRUTH))
    assert halfway.fvu == pytest.approx(0.25, rel=1e-5)


def test_recovered_is_the_share_of_directions_written_at_any_length() -> None:
    half = 7 * TRUTH[: len(TRUTH) // 2]
    assert score(TRUTH, HELD, Snapshot(lambda x: (x, NO_ACTS), TRUTH)).recovered == 1
    assert score(TRUTH, HELD, Snapshot(lambda x: (x, NO_ACTS), half)).recovered == 0.5
    assert score(TRUTH, HELD, Snapshot(lambda x: (x, NO_ACTS), -TRUTH)).recovered == 0


def test_l0_counts_dense_sparse_and_kept_acts_alike() -> None:
    def dense(x: torch.Tensor) -> torch.Tensor:
        return x * (x > 1)

    forms = [dense, lambda x: dense(x).to_sparse(), lambda x: dense(x).topk(64).values]
    counts = [score(TRUTH, HELD, Snapshot(lambda x, f=f: (x, f(x)), TRUTH)).l0 for f in forms]
    assert counts == [(HELD > 1).sum().item() / len(HELD)] * 3
