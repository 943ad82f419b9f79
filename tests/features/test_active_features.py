"""What is active in a text, against the dense codes."""

import pytest
import torch

from engine.features.search.active_features import active_features
from engine.sae import blocks
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig

D_MODEL, FEATURES, TOKENS = 8, 60, 5
X = 3 * torch.randn(TOKENS, D_MODEL, generator=torch.Generator().manual_seed(0))
COUNTED = torch.arange(TOKENS) > 0


def sae_of(architecture: str) -> SparseAutoencoder:
    k = 3 if architecture in ("topk", "batchtopk") else None
    config = SAEConfig(architecture=architecture, d_in=D_MODEL, d_sae=FEATURES, k=k)
    return build(config, seed=1).requires_grad_(False)


@pytest.mark.parametrize("rows", [1, 4, 100])
@pytest.mark.parametrize("architecture", ["topk", "relu", "gated", "seed-basic"])
def test_it_is_what_dense_codes_hold(
    architecture: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", rows * FEATURES)
    sae = sae_of(architecture)
    codes = sae.encode(X) * COUNTED[:, None]
    active = (codes > sae.active_threshold).any(0)
    assert 0 < active.sum() < FEATURES
    found = active_features(sae, X, COUNTED)
    assert found.features.tolist() == active.nonzero()[:, 0].tolist()
    for index, feature in enumerate(found.features.tolist()):
        torch.testing.assert_close(found.over_tokens(index), codes[:, feature])
    torch.testing.assert_close(found.peaks(), codes.amax(0)[active])
    assert (
        found.features[found.row_of()].bincount(minlength=FEATURES).tolist()
        == ((codes != 0).sum(0) * active).tolist()
    )


def test_nothing_is_active_where_nothing_counts() -> None:
    found = active_features(sae_of("topk"), X, torch.zeros(TOKENS, dtype=torch.bool))
    assert (len(found.features), len(found.acts), found.starts.tolist()) == (0, 0, [0])
    assert len(found.peaks()) == 0
