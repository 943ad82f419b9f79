"""Every architecture's step with every set of kernels, against the same step with `reference`."""

import pytest
import torch
from torch import Tensor

from engine.sae import kernels
from engine.sae.architectures.base import StepInput
from engine.sae.architectures.registry import build
from engine.sae.kernels import cpu, reference
from engine.sae.kernels import preactivations as products
from engine.sae.recipes import recipe
from engine.sae.traits import ARCHITECTURES
from tests.sae.kernels.cases import FAST, GPU, module, there

SPARSE = [name for name, traits in ARCHITECTURES.items() if traits.linear]


def after_a_step(architecture: str, sample: Tensor, x: Tensor) -> dict[str, Tensor]:
    """Loss, counts, gradients and what becomes of the weights; every third feature is dead.

    Thresholds begin at values of the `sample`, so it must be another than `x`.
    """
    config, training = recipe(architecture, x.shape[1], len(x), width=32, tokens=len(x))
    sae = build(config).to(x.device)
    sae.initialise(sample, sample)
    for parameter in sae.parameters():
        parameter.grad = torch.zeros_like(parameter)
    dead = torch.arange(0, 32, 3, device=x.device)
    losses = sae.training_step(StepInput(x, x, variance=12.0, dead=dead, done=0.5), training)
    slopes = {f"slope of {name}": p.grad for name, p in sae.named_parameters()}
    return {**sae.state_dict(), **slopes, "loss": losses.loss, "fired": losses.fire_counts}


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("architecture", SPARSE)
def test_a_step_is_the_same(
    name: str, architecture: str, sparse_data: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # in fp32 no two pre-activations are equal, of which either might be chosen
    monkeypatch.setattr(products, "product_dtype", lambda _: torch.float32)
    sample, x = there(name, *(sparse_data - sparse_data.mean(0))[:140].split([100, 40]))
    place = "cuda" if GPU and name == "cuda" else "cpu"
    monkeypatch.setattr(kernels, place, reference, raising=False)
    expected = after_a_step(architecture, sample, x)
    monkeypatch.setattr(kernels, place, cpu if name == "cpu" else module(name))
    got = after_a_step(architecture, sample, x)
    assert got["fired"].sum() > 0
    for key, value in expected.items():
        torch.testing.assert_close(got[key], value, rtol=1e-4, atol=1e-5, msg=key)
