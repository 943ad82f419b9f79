"""Autoencoders of every kind with random weights, and what the formulas of libraries share."""

from typing import Any

import torch
from torch import Tensor

from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.traits import traits_of

D, N, K = 6, 20, 4
GROUPS = (5, 15)
X = torch.randn(64, D, generator=torch.Generator().manual_seed(9))


def made(architecture: str, *, d_in: int = D, **settings: Any) -> SparseAutoencoder:
    """One whose features are active now and then."""
    if traits_of(architecture).keeps_k:
        settings.setdefault("k", K)
    if architecture == "matryoshka":
        settings.setdefault("groups", GROUPS)
    sae = build(SAEConfig(architecture=architecture, d_in=d_in, d_sae=N, **settings))
    generator = torch.Generator().manual_seed(0)
    for name, tensor in sae.state_dict().items():
        noise = torch.randn(tensor.shape, generator=generator)
        tensor.copy_(noise.abs() if name == "threshold" else noise)
    return sae.requires_grad_(False)


def drawn(**shapes: tuple[int, ...]) -> dict[str, Tensor]:
    """Random tensors of these shapes."""
    generator = torch.Generator().manual_seed(3)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def top_k(pre: Tensor, k: int = K) -> Tensor:
    """relu(pre) where it is among the k largest of its row, by sorting."""
    least = pre.sort(dim=-1, descending=True).values[:, k - 1 : k]
    return pre.relu() * (pre >= least)


def jump(pre: Tensor, threshold: Tensor) -> Tensor:
    """relu(pre) where it is above the threshold."""
    return pre.relu() * (pre > threshold)


def assert_same(sae: SparseAutoencoder, acts: Tensor, decoded: Tensor) -> None:
    """What an autoencoder makes of X, and that this isn't nothing."""
    assert 0.02 < (acts > 0).float().mean() < 0.98
    torch.testing.assert_close(sae.encode(X), acts, rtol=1e-4, atol=2e-5)
    torch.testing.assert_close(sae(X), decoded, rtol=1e-4, atol=2e-5)
