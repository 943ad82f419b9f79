"""Bringing back features that have not fired for long ("aux-k", Gao et al. 2024, section A.2).

The dead features learn to reconstruct what the living leave of a batch: the loss

    aux · Σ ‖left − decoded by the k_aux largest of the dead‖² / Σ ‖left‖²

is added, with k_aux = d_in / 2 as there, but at most 64: beyond that a step takes longer and no
more come back. Its gradient reaches the dead features' weights and nothing else.
"""

from torch import Tensor

from engine.sae.architectures.base import StepInput
from engine.sae.architectures.linear import LinearSAE, Seen, gradient
from engine.sae.config import TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.preactivations import preactivations
from engine.sae.kernels.sharded import k_largest, residual

MOST = 64
"""The largest k_aux."""


def revived(
    sae: LinearSAE, seen: Seen, left: Tensor, step: StepInput, config: TrainConfig
) -> dict[str, Tensor]:
    """Revive the features that are dead, if any and if that is asked for; the loss as a term."""
    if not config.aux:
        return {}
    dead_of_all = sae.ranks.features.total(len(step.dead))
    if not dead_of_all:
        return {}
    k = min(dead_of_all, max(1, sae.config.d_in // 2), MOST)
    return {"aux": revive(sae, seen, left, step.dead, k=k, aux=config.aux)}


def revive(sae: LinearSAE, seen: Seen, left: Tensor, dead: Tensor, *, k: int, aux: float) -> Tensor:
    """Add the gradient of the loss to the dead features' gradients; gives the loss.

    `left` [n, d_out]: what the living features left of the batch; `dead` [dead] int64, those that
    this process has; `k` of everybody's dead are looked at in each vector.
    """
    kernels = kernels_for(left)
    encoder, decoder = sae.encoder[dead], sae.decoder[dead]
    bias = sae.encoder_bias[dead]
    support = k_largest(preactivations(seen.x, encoder, bias), k, sae.ranks.features)
    acts = (kernels.dots(seen.x, encoder, support) + bias[support.features]).relu_()
    unexplained, along = residual(left, decoder, support, acts, sae.ranks.features)
    weight = aux / sae.squared(left).clamp_min(1e-30)
    by_feature = kernels.by_feature(support, len(dead))
    by_pre = along * (acts > 0) * (-2 * weight)
    for parameter, weights, vectors in (
        (sae.decoder, acts * (-2 * weight), unexplained),
        (sae.encoder, by_pre, seen.x),
    ):
        sums = vectors.new_zeros(len(dead), vectors.shape[1])
        kernels.sums_by_feature(by_feature, weights, vectors, sums)
        gradient(parameter).index_add_(0, dead, sums)
    totals = kernels.totals_by_feature(by_feature, by_pre)
    gradient(sae.encoder_bias).index_add_(0, dead, totals)
    return weight * sae.squared(unexplained)
