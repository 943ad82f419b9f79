"""Each architecture's hand-written step against autograd of its dense formula."""

from typing import Any

import pytest
import torch
from torch import Tensor

from engine.sae.architectures.base import StepInput
from engine.sae.architectures.dense import dense_loss
from engine.sae.architectures.linear import LinearSAE
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels import preactivations as products
from engine.sae.recipes import recipe
from engine.sae.traits import ARCHITECTURES

LINEAR = [name for name, traits in ARCHITECTURES.items() if traits.linear]
COUNTED = ("topk", "batchtopk", "matryoshka")
NONE_DEAD = torch.empty(0, dtype=torch.int64)
VARIANCE = 3.5
SETTINGS: dict[str, dict[str, Any]] = {
    "relu": {"l1": 0.7},
    "gated": {"l1": 0.7},
    "jumprelu": {"target_l0": 5.0},
}


def settings(architecture: str) -> TrainConfig:
    return TrainConfig(tokens=1, batch=1, lr=1e-3, **SETTINGS.get(architecture, {}))


def random_sae(architecture: str, *, d_out: int | None = None, skip: bool = False) -> LinearSAE:
    """One in the middle of training: no two parameters alike, thresholds amid the products."""
    config = SAEConfig(
        architecture=architecture,
        d_in=7,
        d_sae=40,
        k=4 if architecture in COUNTED else None,
        groups=(5, 10, 25) if architecture == "matryoshka" else None,
        d_out=d_out,
        skip=skip,
    )
    sae = build(config, seed=1)
    assert isinstance(sae, LinearSAE)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in sae.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(0.3 * noise)
    return sae


def step(sae: LinearSAE, x: Tensor, target: Tensor, **changes: Any) -> Any:
    """One training step, with the gradients from nought."""
    for parameter in sae.parameters():
        parameter.grad = torch.zeros_like(parameter)
    given = StepInput(x, target, VARIANCE, NONE_DEAD, done=0.5)._replace(**changes)
    return sae.training_step(given, settings(sae.config.architecture))


@pytest.mark.parametrize("architecture", LINEAR)
@pytest.mark.parametrize(
    ("d_out", "skip"), [(None, False), (9, False), (7, True)], ids=["sae", "transcoder", "skip"]
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_loss_and_gradients_are_those_of_the_dense_formula(
    architecture: str,
    d_out: int | None,
    skip: bool,
    dtype: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(products, "product_dtype", lambda device: torch.float32)
    sae = random_sae(architecture, d_out=d_out, skip=skip).to(dtype)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(33, 7, generator=generator, dtype=torch.float64).to(dtype)
    target = x
    if d_out is not None:
        target = torch.randn(33, d_out, generator=generator, dtype=torch.float64).to(dtype)
    losses = step(sae, x, target)
    ours = {name: parameter.grad for name, parameter in sae.named_parameters()}
    sae.zero_grad(set_to_none=True)
    loss = dense_loss(sae, x, target, VARIANCE, **SETTINGS.get(architecture, {}))
    loss.backward()
    close = (
        {"rtol": 1e-9, "atol": 1e-11} if dtype == torch.float64 else {"rtol": 1e-4, "atol": 1e-4}
    )
    torch.testing.assert_close(losses.loss, loss.detach(), **close)
    for name, parameter in sae.named_parameters():
        assert parameter.grad is not None, name
        torch.testing.assert_close(
            ours[name], parameter.grad, **close, msg=lambda m, name=name: f"{name}: {m}"
        )


@pytest.mark.parametrize("architecture", LINEAR)
def test_choosing_in_bf16_costs_nothing_worth_telling(
    architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.randn(400, 7, generator=torch.Generator().manual_seed(3))
    errors = []
    for dtype in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(products, "product_dtype", lambda device, dtype=dtype: dtype)
        errors.append(step(random_sae(architecture), x, x).squared_error.item())
    assert errors[1] == pytest.approx(errors[0], rel=1e-2)


@pytest.mark.parametrize("architecture", LINEAR)
def test_splitting_a_batch_for_want_of_memory_changes_nothing(architecture: str) -> None:
    sae, x = random_sae(architecture), torch.randn(64, 7)
    step(sae, x, x)
    whole = {name: p.grad for name, p in sae.named_parameters()}
    sae = random_sae(architecture)
    step(sae, x, x, parts=5)
    for name, parameter in sae.named_parameters():
        torch.testing.assert_close(parameter.grad, whole[name])


@pytest.mark.parametrize("architecture", LINEAR)
@pytest.mark.parametrize("d_out", [None, 9])
def test_unscaled_it_does_to_x_what_it_did_to_scaled_x(
    architecture: str, d_out: int | None
) -> None:
    scaled = random_sae(architecture, d_out=d_out, skip=d_out is not None)
    raw = random_sae(architecture, d_out=d_out, skip=d_out is not None)
    scale, target_scale = (0.3, 4.0) if d_out else (0.3, 0.3)
    raw.unscale(scale, target_scale)
    x = torch.randn(50, 7)
    torch.testing.assert_close(scaled.encode(scale * x), target_scale * raw.encode(x))
    torch.testing.assert_close(scaled(scale * x), target_scale * raw(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", ["jumprelu", "gated", "relu"])
def test_training_starts_sparse_and_at_the_right_length(architecture: str) -> None:
    generator = torch.Generator().manual_seed(0)
    sample = 3 + torch.randn(4000, 16, generator=generator)
    config, _ = recipe(architecture, 16, len(sample), width=1024)
    sae = build(config, seed=4)
    sae.initialise(sample, sample)
    acts = sae.encode(sample)
    assert 60 < (acts > 0).sum(1).float().mean() < 250
    decoded = (sae.decode(acts) - sae.b_dec).detach()
    wanted = sample - sae.b_dec.detach()
    assert (decoded * wanted).sum().item() == pytest.approx(decoded.square().sum().item(), rel=0.1)


@pytest.mark.parametrize("architecture", ["batchtopk", "matryoshka"])
def test_the_threshold_lets_as_many_through_as_training_kept(architecture: str) -> None:
    sae = random_sae(architecture)
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        x = torch.randn(200, 7, generator=generator)
        step(sae, x, x)
    acts = sae.encode(torch.randn(2000, 7, generator=generator))
    assert (acts > 0).sum() / 2000 == pytest.approx(4, rel=0.1)


def test_a_batch_keeps_its_largest_wherever_the_last_border_lay() -> None:
    sae = random_sae("batchtopk")
    x = torch.randn(50, 7)
    for scale in (1.0, 0.01, 30.0, 1.0):
        support, _ = sae.candidates(scale * x, 1)
        assert len(support.features) == min(
            200, int(((scale * x) @ sae.W_enc.T + sae.b_enc > 0).sum())
        )


def test_jumprelu_reaches_the_l0_it_aims_at(sparse_data: Tensor) -> None:
    from engine.sae.training.trainer import Trainer

    for target in (2, 6):
        config, training = recipe(
            "jumprelu", 12, len(sparse_data), width=48, k=target, tokens=100_000, batch=200
        )
        trainer = Trainer(build(config, seed=2), training, sparse_data, len(sparse_data))
        for i in range(training.steps):
            trainer.step(sparse_data[i * 200 % 4000 :][:200])
        l0 = (trainer.finish().encode(sparse_data) > 0).sum(1).float().mean()
        assert l0 == pytest.approx(target, rel=0.1)
