"""Evaluation, against a brute force in numpy."""

import math

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor

from engine.errors import UserError
from engine.sae import blocks
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.evaluation.reconstruction import (
    Evaluation,
    ReconstructionMetrics,
    evaluate,
    finite_metrics,
)
from engine.sae.evaluation.vectors import HeldVectors, StoredVectors, Vectors
from tests.sae.conftest import MakeSet
from tests.sae.evaluation.plain import PlainSAE


def data(width: int = 5, seed: int = 1) -> Tensor:
    return torch.randn(60, width, generator=torch.Generator().manual_seed(seed)) * 4 + 100


def check(got: Evaluation, sae: PlainSAE, x: Tensor, target: Tensor) -> None:
    """Hold every figure against its definition, vector by vector."""
    codes = sae.encode(x).numpy()
    raw, back = target.double().numpy(), sae.decode(sae.encode(x), x).double().numpy()
    errors = [((a - b) ** 2).sum() for a, b in zip(raw, back, strict=True)]
    spread = [((a - raw.mean(0)) ** 2).sum() for a in raw]
    fvu = np.mean(errors) / np.mean(spread)
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(raw, back, strict=True)
    ]
    ratios = [np.linalg.norm(b) / np.linalg.norm(a) for a, b in zip(raw, back, strict=True)]
    active = codes > sae.active_threshold
    metrics = got.metrics
    assert metrics.mse == pytest.approx(np.mean(errors) / raw.shape[1], rel=1e-6)
    assert metrics.fvu == pytest.approx(fvu, rel=1e-6)
    assert metrics.explained_variance == pytest.approx(1 - fvu, rel=1e-6)
    assert metrics.l0 == pytest.approx(active.sum(1).mean())
    assert metrics.dead_fraction == pytest.approx((active.sum(0) == 0).mean())
    assert 0 < metrics.l0 < sae.config.d_sae
    assert metrics.cosine == pytest.approx(np.mean(cosines), rel=1e-6)
    assert metrics.norm_ratio == pytest.approx(np.mean(ratios), rel=1e-6)
    assert metrics.vectors == len(x)
    np.testing.assert_allclose(got.density, active.mean(0), rtol=1e-12)


@pytest.fixture(params=[1 << 24, 20 * 7])
def block_elements(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once, and in several blocks of which the last one is short."""
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", request.param)


@pytest.mark.usefixtures("block_elements")
def test_metrics_equal_a_brute_force(make_set: MakeSet) -> None:
    x, sae = data(), PlainSAE.random(5, 20)
    rows = torch.arange(60)[torch.arange(60) % 3 != 0]
    for vectors in (StoredVectors(make_set(x), rows), HeldVectors(x[rows])):
        check(evaluate(sae, vectors), sae, x[rows], x[rows])


@pytest.mark.usefixtures("block_elements")
def test_a_transcoder_is_held_against_its_targets(make_set: MakeSet) -> None:
    x, target, sae = data(), data(width=3, seed=2), PlainSAE.random(5, 20, d_out=3)
    rows = torch.arange(0, 60, 2)
    stored = StoredVectors(make_set(x), rows, targets=make_set(target, name="targets"))
    for vectors in (stored, HeldVectors(x[rows], target[rows])):
        check(evaluate(sae, vectors), sae, x[rows], target[rows])


@pytest.mark.parametrize(("architecture", "k"), [("topk", 3), ("seed-optimised", None)])
def test_rows_of_a_set_can_be_evaluated_at_once(
    make_set: MakeSet, architecture: str, k: int | None
) -> None:
    x = data()
    sae = build(SAEConfig(architecture=architecture, d_in=5, d_sae=20, k=k)).requires_grad_(False)
    check(evaluate(sae, StoredVectors(make_set(x), torch.arange(60))), sae, x, x)


def test_a_large_common_mean_costs_no_digits() -> None:
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0)).double() + 3e7
    sae = PlainSAE.zero(4)
    sae.b_dec = x.mean(0)
    got = evaluate(sae, HeldVectors(x)).metrics
    assert got.fvu == pytest.approx(1, abs=1e-12)


def test_vectors_that_are_all_the_same_have_no_variance_to_explain() -> None:
    got = evaluate(PlainSAE.random(4, 9), HeldVectors(torch.full((7, 4), 0.1))).metrics
    assert math.isnan(got.fvu)
    assert math.isnan(got.explained_variance)
    named = finite_metrics(got)
    assert not {"fvu", "explained_variance"} & named.keys()
    assert named["mse"] == got.mse
    assert msgspec.json.decode(msgspec.json.encode(named), type=dict[str, float]) == named


def test_a_vector_without_length_has_no_cosine_and_no_ratio() -> None:
    x = torch.cat([torch.zeros(1, 4), torch.ones(1, 4)])
    got = evaluate(PlainSAE.identity(4), HeldVectors(x)).metrics
    assert (got.cosine, got.norm_ratio) == (pytest.approx(0.5), pytest.approx(0.5))


def test_the_gap_to_training_is_told_where_training_is_known() -> None:
    metrics: ReconstructionMetrics = evaluate(PlainSAE.random(5, 20), HeldVectors(data())).metrics
    assert "l0_gap" not in finite_metrics(metrics)
    named = finite_metrics(metrics, training_l0=2.0)
    assert named["training_l0"] == 2.0
    assert named["l0_gap"] == pytest.approx(metrics.l0 - 2.0)


def test_nothing_to_evaluate_on_is_said(make_set: MakeSet) -> None:
    sae = PlainSAE.random(5, 20)
    nothing: list[Vectors] = [
        HeldVectors(torch.empty(0, 5)),
        StoredVectors(make_set(torch.randn(10, 5)), torch.empty(0, dtype=torch.int64)),
    ]
    for vectors in nothing:
        with pytest.raises(UserError, match="no activations"):
            evaluate(sae, vectors)
