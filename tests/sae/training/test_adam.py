"""Our Adam against PyTorch's, with the constraint on directions written out."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.sae.config import TrainConfig
from engine.sae.kernels.cpu.adam import adam_rows
from engine.sae.training.adam import Adam

CONFIG = TrainConfig(tokens=1, batch=1, lr=3e-3)
SHAPES = ((40, 7), (40,), (7,), (1, 1))


def parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    drawn = [torch.randn(shape, generator=generator) for shape in SHAPES]
    drawn[0] = functional.normalize(drawn[0], dim=1)
    return [nn.Parameter(tensor) for tensor in drawn]


def gradients(step: int) -> list[Tensor]:
    """Of many features nothing, as of those that aren't active."""
    generator = torch.Generator().manual_seed(100 + step)
    drawn = [torch.randn(shape, generator=generator) for shape in SHAPES]
    drawn[0][torch.rand(40, generator=generator) < 0.5] = 0
    return drawn


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_it_steps_as_pytorch_does(unit: bool, threads: int) -> None:
    theirs, ours = parameters(), parameters()
    optimizer = Adam(ours, CONFIG, ours[:1] if unit else [])
    reference = torch.optim.Adam(theirs, CONFIG.lr, betas=CONFIG.betas, eps=CONFIG.eps)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    for number in range(30):
        for mine, other, grad in zip(ours, theirs, gradients(number), strict=True):
            mine.grad, other.grad = grad.clone(), grad.clone()
        norms = [grad.double().square().sum() for grad in gradients(number)]
        W = theirs[0]
        if unit:
            W.grad -= (W.grad * W).sum(1, keepdim=True) * W
        optimizer.step()
        reference.step()
        if unit:
            W.data = functional.normalize(W.data, dim=1)
        torch.testing.assert_close(
            torch.stack(optimizer.squared_norms).double(), torch.stack(norms), rtol=1e-5, atol=1e-6
        )
        assert all(not p.grad.any() for p in ours if p.grad is not None)
    torch.set_num_threads(before)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
    assert not unit or torch.allclose(ours[0].norm(dim=1), torch.ones(40), atol=1e-6)


def test_other_devices_and_dtypes_take_the_same_steps() -> None:
    """What no fused kernel serves goes through PyTorch's own step."""
    wide = [nn.Parameter(p.detach().double()) for p in parameters()]
    ours = parameters()
    optimizers = [Adam(both, CONFIG, both[:1]) for both in (wide, ours)]
    for number in range(10):
        for mine, other, grad in zip(ours, wide, gradients(number), strict=True):
            mine.grad, other.grad = grad.clone(), grad.double()
        for optimizer in optimizers:
            optimizer.step()
        assert all(not p.grad.any() for p in wide if p.grad is not None)
    for mine, other in zip(ours, wide, strict=True):
        torch.testing.assert_close(mine, other.float(), rtol=1e-4, atol=1e-5)


def test_it_goes_on_from_pytorchs_own_state() -> None:
    """Checkpoints from before it was ours are resumed."""
    theirs, ours = parameters(), parameters()
    reference = torch.optim.Adam(theirs, CONFIG.lr, betas=CONFIG.betas, eps=CONFIG.eps, fused=True)
    optimizer = Adam(ours, CONFIG, [])
    for p, grad in zip(theirs, gradients(0), strict=True):
        p.grad = grad
    reference.step()
    for mine, other in zip(ours, theirs, strict=True):
        mine.data = other.detach().clone()
    optimizer.load_state_dict(copy.deepcopy(reference.state_dict()))
    assert optimizer.state_dict().keys() == reference.state_dict().keys()
    for both, steps in ((theirs, reference), (ours, optimizer)):
        for p, grad in zip(both, gradients(1), strict=True):
            p.grad = grad.clone()
        steps.step()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def test_the_kernel_takes_nothing_from_rows_without_a_gradient() -> None:
    rows = functional.normalize(torch.randn(5, 9), dim=1)
    before, moments = rows.clone(), (torch.zeros(5, 9), torch.zeros(5, 9))
    squares = adam_rows(rows, torch.zeros(5, 9), moments, (0.9, 0.99), 1e-3, 1.0, 1e-9, unit=True)
    torch.testing.assert_close(rows, before)
    assert not squares.any()


@pytest.mark.parametrize("unit", [False, True])
def test_a_gradient_whose_square_is_beyond_fp32_moves_nothing(unit: bool) -> None:
    rows = functional.normalize(torch.randn(5, 40), dim=1)
    before, moments = rows.clone(), (torch.zeros(5, 40), torch.zeros(5, 40))
    grad = torch.full((5, 40), 1e25)
    squares = adam_rows(rows, grad, moments, (0.9, 0.99), 1e-2, 10.0, 1e-9, unit=unit)
    torch.testing.assert_close(rows, before)
    assert squares.isinf().all()
