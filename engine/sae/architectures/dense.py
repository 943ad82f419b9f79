"""The losses as their papers write them: dense, in plain PyTorch, differentiated by autograd.

What a reader wants to see first, and what tests hold every `backward` to: the gradients that the
architectures write out for their candidates must be autograd's of these. Nothing trains with them,
since they cost [n, d_sae] many times over.

    x̂ = acts @ W_dec + b_dec  (+ x @ W_skipᵀ),   L = Σ ‖y − x̂‖² / (n · variance) + penalties

Products are (x − b_dec) @ W_encᵀ, [n, d_sae]; `target` is y − b_dec − x @ W_skipᵀ, [n, d_out].
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from engine.sae.architectures.batchtopk import BatchTopK
from engine.sae.architectures.gated import Gated
from engine.sae.architectures.jumprelu import BANDWIDTH, JumpReLU
from engine.sae.architectures.linear import LinearSAE
from engine.sae.architectures.matryoshka import Matryoshka
from engine.sae.architectures.relu import ReLU
from engine.sae.architectures.topk import TopK


def dense_loss(
    sae: LinearSAE, x: Tensor, target: Tensor, variance: float, **settings: float
) -> Tensor:
    """The loss of a batch x [n, d_in] with targets [n, d_out], without warm-up and the loss of dead
    features: a scalar, whose gradients reach sae's parameters. `settings`: l1 or target_l0."""
    products = sae.centre(x) @ sae.W_enc.T  # [n, d_sae]
    target = target - sae.b_dec
    if sae.config.skip:
        target = target - x @ sae.W_skip.T
    loss = _LOSSES[type(sae)]
    return loss(sae, products, target, 1 / (len(x) * variance), **settings)


def _topk(sae: TopK, products: Tensor, target: Tensor, weight: float) -> Tensor:
    pre = products + sae.b_enc  # [n, d_sae]
    among = torch.zeros_like(pre).scatter_(1, pre.topk(sae.k, dim=1).indices, 1)
    acts = pre.relu() * among
    return _squared_error(target, acts @ sae.W_dec) * weight


def _largest_of_batch(sae: BatchTopK, products: Tensor) -> Tensor:
    """Acts [n, d_sae]: relu(pre) where that is among the k · n largest."""
    acts = (products + sae.b_enc).relu()
    border = acts.flatten().topk(sae.k * len(acts)).values[-1]
    return acts * (acts >= border)


def _batchtopk(sae: BatchTopK, products: Tensor, target: Tensor, weight: float) -> Tensor:
    return _squared_error(target, _largest_of_batch(sae, products) @ sae.W_dec) * weight


def _matryoshka(sae: Matryoshka, products: Tensor, target: Tensor, weight: float) -> Tensor:
    acts = _largest_of_batch(sae, products)
    ends = torch.tensor(sae.config.groups).cumsum(0).tolist()
    errors = [_squared_error(target, acts[:, :m] @ sae.W_dec[:m]) for m in ends]
    return torch.stack(errors).mean() * weight


def _relu(sae: ReLU, products: Tensor, target: Tensor, weight: float, *, l1: float) -> Tensor:
    acts = (products + sae.b_enc).relu()
    penalty: Tensor = l1 * (acts * sae.W_dec.norm(dim=1)).sum()
    return (_squared_error(target, acts @ sae.W_dec) + penalty) * weight


def _gated(sae: Gated, products: Tensor, target: Tensor, weight: float, *, l1: float) -> Tensor:
    gate = products + sae.b_gate
    magnitude = products * sae.r_mag.exp() + sae.b_mag
    acts = magnitude.relu() * (gate > 0)
    error = _squared_error(target, acts @ sae.W_dec)
    # the decoder is frozen: b_dec stays as it is in the target, and moves in what is encoded
    by_gate = _squared_error(target.detach(), gate.relu() @ sae.W_dec.detach())
    return (error + l1 * gate.relu().sum() + by_gate) * weight


def _jumprelu(
    sae: JumpReLU, products: Tensor, target: Tensor, weight: float, *, target_l0: float
) -> Tensor:
    pre = products + sae.b_enc
    active = _step(pre, sae.log_threshold)
    error = _squared_error(target, (pre * active) @ sae.W_dec)
    l0 = active.sum() / len(pre)
    return error * weight + (l0 / target_l0 - 1).square()


def _squared_error(target: Tensor, decoded: Tensor) -> Tensor:
    """Σ ‖target − decoded‖², a scalar."""
    return (target - decoded).square().sum()


def _step(pre: Tensor, log_threshold: Tensor) -> Tensor:
    """1 where pre [n, d_sae] > θ, else 0, with the gradient of a ramp in log θ, and none in pre."""
    apply: Callable[..., Tensor] = _Step.apply
    return apply(pre, log_threshold)


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, log_threshold: Tensor) -> Tensor:
        ctx.save_for_backward(pre, log_threshold)
        return (pre > log_threshold.exp()).to(pre.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:
        pre, log_threshold = ctx.saved_tensors
        near = (pre.clamp_min(1e-30).log() - log_threshold).abs() < BANDWIDTH / 2
        return None, -(grad * near).sum(0) / BANDWIDTH


_LOSSES: dict[type[LinearSAE], Callable[..., Tensor]] = {
    TopK: _topk,
    BatchTopK: _batchtopk,
    Matryoshka: _matryoshka,
    ReLU: _relu,
    Gated: _gated,
    JumpReLU: _jumprelu,
}
