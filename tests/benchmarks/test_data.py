"""The synthetic dictionary is what it says, the same for all, and known to no trainer."""

import pytest
import torch

from benchmarks.training.data import ACTIVE, BLOCK, NOISE, activations, directions
from benchmarks.training.sizes import SIZES
from engine.sae.architectures.registry import build
from engine.sae.recipes import recipe

TINY = SIZES["tiny"]


def test_vectors_have_the_moments_of_weighted_sums_of_directions() -> None:
    truth = directions(TINY)
    x = activations(truth, 4 * BLOCK)
    centre = truth.mean(0)
    # Of w ~ U(0.5, 1.5): E[w] = 1, E[w²] = 13/12. Terms of a sum are independent.
    mean = ACTIVE * centre
    covariance = ACTIVE * (13 / 12 * truth.T @ truth / len(truth) - centre.outer(centre))
    scale = (TINY.d_in / (covariance.trace() + mean.square().sum())).sqrt()
    expected = scale**2 * covariance + NOISE**2 * torch.eye(TINY.d_in)
    assert (torch.cov(x.T) - expected).norm() < 0.06 * expected.norm()
    assert (x.mean(0) - scale * mean).norm() < 0.08
    assert x.square().mean().item() == pytest.approx(1, rel=0.01)


def test_every_process_gets_the_same_vectors_however_many_it_takes() -> None:
    truth = directions(TINY)
    few, many = activations(truth, BLOCK), activations(directions(TINY), 2 * BLOCK)
    assert torch.equal(few, many[:BLOCK])
    held = activations(truth, BLOCK, held_out=True)
    assert (torch.nn.functional.cosine_similarity(held, few) < 0.99).all()


@pytest.mark.parametrize("seed", [0, 1, 42])
def test_no_trainer_starts_from_the_true_directions(seed: int) -> None:
    config, _ = recipe("topk", TINY.d_in, TINY.pool, width=TINY.width)
    written = build(config, seed).W_dec.detach()
    cosines = directions(TINY) @ torch.nn.functional.normalize(written, dim=1).T
    assert cosines.max() < 0.9
