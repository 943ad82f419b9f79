"""Evaluation, against a brute force in numpy."""

import numpy as np
import pytest
import torch

from engine.errors import UserError
from engine.sae import evaluate as module
from engine.sae.config import SAEConfig
from engine.sae.evaluate import evaluate
from engine.sae.registry import build
from tests.sae.conftest import MakeSet


@pytest.mark.parametrize(("architecture", "k"), [("topk", 3), ("seed-optimised", None)])
def test_metrics_equal_a_brute_force(
    make_set: MakeSet, monkeypatch: pytest.MonkeyPatch, architecture: str, k: int | None
) -> None:
    monkeypatch.setattr(module, "BLOCK_ELEMENTS", 20 * 7)  # several blocks, the last one short
    x = torch.randn(60, 5, generator=torch.Generator().manual_seed(1)) * 4 + 100
    sae = build(SAEConfig(architecture=architecture, d_in=5, d_sae=20, k=k)).requires_grad_(False)
    sae.initialise(x)
    rows = torch.arange(60)[torch.arange(60) % 3 != 0]
    got = evaluate(sae, make_set(x), rows)

    x = x[rows]
    codes, back, raw = sae.encode(x).numpy(), sae(x).double().numpy(), x.double().numpy()
    errors = [((a - b) ** 2).sum() for a, b in zip(raw, back, strict=True)]
    spread = [((a - raw.mean(0)) ** 2).sum() for a in raw]
    fvu = np.mean(errors) / np.mean(spread)
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(raw, back, strict=True)
    ]
    ratios = [np.linalg.norm(b) / np.linalg.norm(a) for a, b in zip(raw, back, strict=True)]
    active = codes > sae.active_threshold
    assert got.mse == pytest.approx(np.mean(errors) / 5, rel=1e-6)
    assert got.fvu == pytest.approx(fvu, rel=1e-6)
    assert got.explained_variance == pytest.approx(1 - fvu, rel=1e-6)
    assert got.l0 == pytest.approx(active.sum(1).mean())
    assert got.dead_fraction == pytest.approx((active.sum(0) == 0).mean())
    assert 0 < got.l0 < 20
    assert got.cosine == pytest.approx(np.mean(cosines), rel=1e-6)
    assert got.norm_ratio == pytest.approx(np.mean(ratios), rel=1e-6)
    assert got.vectors == 40


def test_nothing_to_evaluate_on_is_said(make_set: MakeSet) -> None:
    sae = build(SAEConfig(architecture="topk", d_in=5, d_sae=20, k=2))
    acts = make_set(torch.randn(10, 5))
    with pytest.raises(UserError, match="no activations"):
        evaluate(sae, acts, torch.empty(0, dtype=torch.int64))
    wide = make_set(torch.randn(10, 6), name="wide")
    with pytest.raises(UserError, match="6 wide, not 5"):
        evaluate(sae, wide, torch.arange(10))
