"""Matryoshka BatchTopK: the first features alone must reconstruct, and so must each longer run of
them, so that general features come first and special ones don't absorb them (Bussmann et al. 2025,
arXiv:2503.17547).

    loss = mean over g of ‖x − b_dec − Σ_{f in groups 1…g} acts_f · W_dec_f‖²

Which acts are kept is chosen as in BatchTopK, among all features. The squared error that is
reported, and what the dead are to explain, is that of all groups together.
"""

import torch
from torch import Tensor

from engine.sae.architectures.auxk import add_auxk_gradient
from engine.sae.architectures.base import StepInput, StepLosses
from engine.sae.architectures.batchtopk import BatchTopK
from engine.sae.architectures.linear import Batch, fire_counts, gradient
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.choose import kernels_for


class Matryoshka(BatchTopK):
    """A BatchTopK autoencoder whose features come in groups, first the coarsest."""

    group_of: Tensor
    """[d_sae] int64: the group of every feature."""

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        assert config.groups is not None
        sizes = torch.tensor(config.groups)
        numbers = torch.arange(len(sizes)).repeat_interleave(sizes, output_size=config.d_sae)
        self.register_buffer("group_of", numbers, persistent=False)
        self.groups = len(sizes)

    def backward(self, batch: Batch, step: StepInput, config: TrainConfig) -> StepLosses:
        """A batch is stacked once for each group, [groups · n] vectors of which each has the
        entries of its group alone: then runs of groups are cumulative sums."""
        kernels = kernels_for(batch.x)
        n, groups = len(batch.x), self.groups
        support, entries = kernels.stack_by_group(batch.support, self.group_of, groups)
        by_stacked = kernels.sort_by_feature(support, self.features)  # vectors of [groups · n]
        by_feature = by_stacked._replace(vectors=by_stacked.vectors % n)  # vectors of [n]
        batch = batch._replace(
            support=support, products=batch.products[entries], by_feature=by_feature
        )

        acts = self.acts_of_candidates(batch)  # [nnz]
        decoded = kernels.weighted_rows(self.W_dec, support, acts)  # [groups · n, d_out]
        decoded = self.ranks.tensor_parallel.all_reduce(decoded).view(groups, n, -1)
        residuals = batch.target - decoded.cumsum(0)  # [groups, n, d_out], of every run of groups
        squared_error = self.squared_norm(residuals[-1])

        # L = weight / groups · Σ_g ‖residual_g‖². What group g writes is in residual_g and in that
        # of every longer run: ∂L/∂(decoded by g) = −2 · weight · later_g
        later = residuals.flip(0).cumsum(0).flip(0) / groups  # [groups, n, d_out]
        later_dots = kernels.dots(later.flatten(0, 1), self.W_dec, support)  # later_g · W_dec[f]
        # ∂L/∂W_dec [d_sae, d_out] = −2 · weight · Σ_i acts · later_g of the feature's group
        stacked = batch._replace(by_feature=by_stacked)
        self.add_decoder_gradient(stacked, acts, later.flatten(0, 1))
        self.add_offset_gradients(batch, later[0])  # b_dec is in every run's residual
        # ∂L/∂act = −2 · weight · later_g · W_dec[f];  ∂act/∂pre = [act > 0]
        grad_pre = later_dots * (acts > 0) * (-2 * batch.weight)  # ∂L/∂pre [nnz]
        totals = self.totals(batch, grad_pre)
        self.add_encoder_gradients(batch, grad_pre, totals)
        gradient(self.b_enc).add_(totals)  # ∂L/∂b_enc [d_sae]
        self.update_threshold()

        terms = add_auxk_gradient(self, batch, residuals[-1], step, config)
        loss = self.squared_norm(residuals) * (batch.weight / groups) + sum(terms.values())
        return StepLosses(loss, squared_error, fire_counts(acts, by_feature), terms)
