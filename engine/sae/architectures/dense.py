"""The losses of the architectures as their papers write them: dense, differentiated by autograd."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from engine.sae.architectures.jumprelu import BANDWIDTH
from engine.sae.architectures.linear import LinearSAE


def dense_loss(
    sae: LinearSAE, x: Tensor, target: Tensor, variance: float, **settings: Any
) -> Tensor:
    """The loss of a batch [n, d_in] with targets [n, d_out]; gradients reach sae's parameters."""
    centred = x if sae.config.transcodes else x - sae.b_dec
    wanted = target - sae.b_dec
    if sae.config.skip:
        wanted = wanted - x @ sae.skip.T
    products = centred @ sae.encoder.T
    share = 1 / (len(x) * variance)
    return _LOSSES[sae.config.architecture](sae, products, wanted, share, **settings)


def _topk(sae: Any, products: Tensor, wanted: Tensor, share: float) -> Tensor:
    pre = products + sae.encoder_bias
    among = torch.zeros_like(pre).scatter_(1, pre.topk(sae.k, dim=1).indices, 1)
    loss: Tensor = (wanted - (pre.relu() * among) @ sae.decoder).square().sum() * share
    return loss


def _of_batch(sae: Any, products: Tensor) -> Tensor:
    acts = (products + sae.encoder_bias).relu()
    border = acts.flatten().topk(sae.k * len(acts)).values[-1]
    return acts * (acts >= border)


def _batchtopk(sae: Any, products: Tensor, wanted: Tensor, share: float) -> Tensor:
    return (wanted - _of_batch(sae, products) @ sae.decoder).square().sum() * share


def _matryoshka(sae: Any, products: Tensor, wanted: Tensor, share: float) -> Tensor:
    acts = _of_batch(sae, products)
    ends = torch.tensor(sae.config.groups).cumsum(0).tolist()
    errors = [(wanted - acts[:, :m] @ sae.decoder[:m]).square().sum() for m in ends]
    return torch.stack(errors).mean() * share


def _relu(sae: Any, products: Tensor, wanted: Tensor, share: float, l1: float) -> Tensor:
    acts = (products + sae.encoder_bias).relu()
    error = (wanted - acts @ sae.decoder).square().sum()
    return (error + l1 * (acts * sae.decoder.norm(dim=1)).sum()) * share


def _gated(sae: Any, products: Tensor, wanted: Tensor, share: float, l1: float) -> Tensor:
    gate = products + sae.gate_bias
    magnitude = products * sae.log_magnitude.exp() + sae.magnitude_bias
    acts = magnitude.relu() * (gate > 0)
    error = (wanted - acts @ sae.decoder).square().sum()
    # the frozen decoder's b_dec: it stays as it is in what is wanted, and moves in what is encoded
    given = wanted.detach() - gate.relu() @ sae.decoder.detach()
    return (error + l1 * gate.relu().sum() + given.square().sum()) * share


def _jumprelu(sae: Any, products: Tensor, wanted: Tensor, share: float, target_l0: float) -> Tensor:
    pre = products + sae.encoder_bias
    active = _Step.apply(pre, sae.log_threshold)
    error = (wanted - (pre * active) @ sae.decoder).square().sum()
    l0 = active.sum() / len(pre)
    return error * share + (l0 / target_l0 - 1).square()


class _Step(torch.autograd.Function):
    """1 where pre > θ, with the gradient of a ramp in log θ, and none in pre."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, log_threshold: Tensor) -> Tensor:
        ctx.save_for_backward(pre, log_threshold)
        return (pre > log_threshold.exp()).to(pre.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:
        pre, log_threshold = ctx.saved_tensors
        near = (pre.clamp_min(1e-30).log() - log_threshold).abs() < BANDWIDTH / 2
        return None, -(grad * near).sum(0) / BANDWIDTH


_LOSSES: dict[str, Callable[..., Tensor]] = {
    "topk": _topk,
    "batchtopk": _batchtopk,
    "matryoshka": _matryoshka,
    "relu": _relu,
    "gated": _gated,
    "jumprelu": _jumprelu,
}
