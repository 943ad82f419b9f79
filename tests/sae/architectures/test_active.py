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


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if "seed" not in name])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_finder_finds_what_is_active(architecture: str, layer_norm: bool, sparse: bool) -> None:
    """Wide enough that it looks by products in bf16; where much is active it finds it, too."""
    torch.manual_seed(1)
    counts = architecture in ("topk", "batchtopk", "matryoshka")
    config = SAEConfig(
        architecture=architecture,
        d_in=48,
        d_sae=1024,
        k=(16 if sparse else 300) if counts else None,
        groups=(24, 1000) if architecture == "matryoshka" else None,
        layer_norm=layer_norm,
    )
    sae = build(config, seed=3)
    x = 2 * torch.randn(70, 48)
    with torch.no_grad():
        for parameter in sae.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        if sparse:  # what lets few through, in each architecture that has it
            for name in ("b_enc", "b_gate"):
                getattr(sae, name, x).sub_(1.5)
            if architecture == "jumprelu":
                sae.log_threshold.add_(0.3)
            elif counts and architecture != "topk":
                sae.threshold.fill_(0.4)
        support, acts = sae.finder()(x)
        expected_support, expected = sae.active(x)
    assert len(expected) > 0
    assert torch.equal(support.offsets, expected_support.offsets)
    assert torch.equal(support.features, expected_support.features)
    torch.testing.assert_close(acts, expected, rtol=1e-4, atol=1e-4)
