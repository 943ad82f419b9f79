"""Matryoshka BatchTopK: the first features alone must reconstruct, and so must each longer run of
them, so that general features come first and special ones don't absorb them (Bussmann et al. 2025,
arXiv:2503.17547).

    loss = mean over g of ‖x − b_dec − Σ_{f in groups 1…g} acts_f · W_dec_f‖²

Which acts are kept is chosen as in BatchTopK, among all features. The squared error that is
reported, and what the dead are to explain, is that of all groups together.
"""

import torch
from torch import Tensor

from engine.sae.architectures.auxk import revived
from engine.sae.architectures.base import StepInput, StepLosses
from engine.sae.architectures.batchtopk import BatchTopK
from engine.sae.architectures.linear import Seen, gradient, times_active
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

    def learn(self, seen: Seen, step: StepInput, config: TrainConfig) -> StepLosses:
        """A batch is stacked once for each group, [groups · n] vectors of which each has the
        entries of its group alone: then runs of groups are cumulative sums."""
        kernels = kernels_for(seen.x)
        n, groups = len(seen.x), self.groups
        stacked, entries = kernels.stacked(seen.support, self.group_of, groups)
        by_feature = kernels.by_feature(stacked, self.features)
        seen = seen._replace(
            support=stacked,
            products=seen.products[entries],
            by_feature=by_feature._replace(vectors=by_feature.vectors % n),
        )
        acts = self.acts_of(seen)
        decoded = self.ranks.features.sum(kernels.weighted_rows(self.decoder, stacked, acts))
        left = seen.target - decoded.view(groups, n, -1).cumsum(0)
        # what a group writes is part of its own run and of every longer one
        later = left.flip(0).cumsum(0).flip(0) / groups
        along = kernels.dots(later.flatten(0, 1), self.decoder, stacked)
        self.decoder_gradient(seen._replace(by_feature=by_feature), acts, later.flatten(0, 1))
        self.bias_gradient(seen, later[0])
        by_pre = along * (acts > 0) * (-2 * seen.weight)
        gradient(self.encoder_bias).add_(self.encoder_gradient(seen, by_pre))
        self.remember()
        terms = revived(self, seen, left[-1], step, config)
        loss = self.squared(left) * (seen.weight / groups) + sum(terms.values())
        fired = times_active(acts, seen.by_feature)
        return StepLosses(loss, self.squared(left[-1]), fired, terms)
