"""Bringing back features that have not fired for long ("aux-k", Gao et al. 2024, section A.2).

The dead features learn to reconstruct what the living leave of a batch, its residual: the loss

    aux · Σ ‖residual − decoded by the k_aux largest of the dead‖² / Σ ‖residual‖²

is added, with k_aux = d_in / 2 as there, but at most 64: beyond that a step takes longer and no
more come back. Its gradient reaches the dead features' weights and nothing else.
"""

from torch import Tensor

from engine.sae.architectures.base import StepInput
from engine.sae.architectures.linear import Batch, LinearSAE, gradient
from engine.sae.config import TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.preactivations import preactivations
from engine.sae.kernels.sharded import residual_and_dots, select_top_k

MOST = 64
"""The largest k_aux."""


def add_auxk_gradient(
    sae: LinearSAE, batch: Batch, residual: Tensor, step: StepInput, config: TrainConfig
) -> dict[str, Tensor]:
    """Add the loss's gradient to those of the features that are dead, if any and if `aux` is above
    0; gives the loss as a term of a step, by its name, or nothing.

    `residual` [n, d_out]: what the living features left of the batch.
    """
    if not config.aux:
        return {}
    dead_of_all = sae.ranks.tensor_parallel.total(len(step.dead))
    if not dead_of_all:
        return {}
    k = min(dead_of_all, max(1, sae.config.d_in // 2), MOST)
    loss = _add_gradient(sae, batch, residual, step.dead, k=k, aux=config.aux)
    return {"aux": loss}


def _add_gradient(
    sae: LinearSAE, batch: Batch, target: Tensor, dead: Tensor, *, k: int, aux: float
) -> Tensor:
    """Add the gradient to those of `dead` [dead] int64, this process's dead features; gives the
    loss.

    `target` [n, d_out]: what the dead are to explain. Of all processes' dead features, `k` are
    candidates in each vector.
    """
    kernels, group = kernels_for(target), sae.ranks.tensor_parallel
    W_enc, W_dec, b_enc = sae.W_enc[dead], sae.W_dec[dead], sae.b_enc[dead]
    support = select_top_k(preactivations(batch.x, W_enc, b_enc), k, group)
    by_feature = kernels.sort_by_feature(support, len(dead))
    acts = (kernels.dots(batch.x, W_enc, support) + b_enc[support.features]).relu_()  # [nnz]
    residual, residual_dots = residual_and_dots(target, W_dec, support, acts, group)
    weight = aux / sae.squared_norm(target).clamp_min(1e-30)

    # L = weight · Σ ‖residual‖², and the same derivatives as in `linear` and `topk`
    grad_pre = residual_dots * (acts > 0) * (-2 * weight)  # ∂L/∂pre [nnz]
    grad_W_dec = target.new_zeros(len(dead), target.shape[1])  # ∂L/∂W_dec [dead, d_out]
    kernels.sums_by_feature(by_feature, acts * (-2 * weight), residual, grad_W_dec)
    grad_W_enc = target.new_zeros(len(dead), batch.x.shape[1])  # ∂L/∂W_enc [dead, d_in]
    kernels.sums_by_feature(by_feature, grad_pre, batch.x, grad_W_enc)
    grad_b_enc = kernels.totals_by_feature(by_feature, grad_pre)  # ∂L/∂b_enc [dead]

    gradient(sae.W_dec).index_add_(0, dead, grad_W_dec)
    gradient(sae.W_enc).index_add_(0, dead, grad_W_enc)
    gradient(sae.b_enc).index_add_(0, dead, grad_b_enc)
    return weight * sae.squared_norm(residual)
