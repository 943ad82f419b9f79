"""Sparse activations are those that `encode` gives, whatever the architecture."""

import pytest
import torch

from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.traits import ARCHITECTURES


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_active_is_what_encode_gives_above_the_threshold(
    architecture: str, layer_norm: bool
) -> None:
    torch.manual_seed(0)
    counts = architecture in ("topk", "batchtopk", "matryoshka")
    if layer_norm and architecture.startswith("seed"):
        pytest.skip("the study's autoencoders have their own normalisation")
    config = SAEConfig(
        architecture=architecture,
        d_in=12,
        d_sae=40,
        k=5 if counts else None,
        groups=(10, 30) if architecture == "matryoshka" else None,
        layer_norm=layer_norm,
    )
    sae = build(config, seed=3)
    with torch.no_grad():
        for parameter in sae.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        x = torch.randn(30, 12)
        acts = sae.encode(x)
        support, values = sae.active(x)
    dense = torch.zeros_like(acts)
    for row in range(len(x)):
        entries = slice(support.offsets[row], support.offsets[row + 1])
        features = support.features[entries].long()
        assert features.tolist() == sorted(set(features.tolist()))
        dense[row, features] = values[entries]
    expected = acts.where(acts > sae.active_threshold, 0)
    assert (expected > 0).any()
    torch.testing.assert_close(dense, expected, rtol=0, atol=0)
