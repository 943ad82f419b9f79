"""BatchTopK: of a whole batch's pre-activations the k · batch largest are kept, so that a vector
may have as many features as it needs (Bussmann et al. 2024, arXiv:2412.06410).

    training:   acts = pre where it is among the k · batch largest of relu(pre), else 0
    inference:  acts = pre where pre > threshold, else 0

The threshold is the mean over the latest batches of the smallest pre-activation that was kept
(moving average, 0.9). Features are directions of length 1 and the dead are revived as in TopK.
"""

import torch
from torch import Tensor

from engine.sae.architectures.base import StepInput, StepLosses
from engine.sae.architectures.linear import Batch
from engine.sae.architectures.topk import CountingSAE
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.preactivations import estimates, preactivations, with_spare
from engine.sae.kernels.rerank import keep_largest
from engine.sae.kernels.sharded import largest
from engine.sae.kernels.support import Support, concatenate

MEMORY = 0.9
"""Share that the threshold keeps of itself at each step."""
MARGIN = 0.8
"""Pre-activations are looked for down to this share of the last batch's border."""


class BatchTopK(CountingSAE):
    """A BatchTopK autoencoder."""

    threshold: Tensor
    """[]: what a pre-activation must exceed at inference; 0 before training."""

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        self.register_buffer("threshold", torch.zeros(()))
        self._border = 0.0
        """The smallest pre-activation that the last batch kept."""

    @property
    def least_active(self) -> Tensor:
        return self.threshold.expand(self.features)

    def candidates(self, x: Tensor, parts: int) -> tuple[Support, Tensor]:
        """The k · n largest pre-activations above 0 of the whole batch.

        They are looked for above a bound, which comes from the step before, and is given up where
        it leaves too few: what is found does not depend on it.
        """
        wanted = self.k * self.total_vectors(x)
        support, values = self._select_above(MARGIN * self._border, x, parts)
        if self.ranks.world.total(len(values)) < wanted and self._border > 0:
            support, values = self._select_above(0.0, x, parts)
        kernels = kernels_for(x)
        if not self.estimates_serve:
            support, self._border = largest(support, values, wanted, self.ranks.world)
            return support, kernels.dots(x, self.W_enc, support)
        support, _ = kernels_for(values).largest(support, values, with_spare(wanted))
        products = kernels.dots(x, self.W_enc, support)
        pre = products + self.b_enc[support.features]
        support, entries, self._border = keep_largest(support, pre, wanted)
        return support, products[entries]

    def _select_above(self, bound: float, x: Tensor, parts: int) -> tuple[Support, Tensor]:
        """The features whose pre-activation is at least `bound` and above 0, and its values [nnz]
        in the dtype in which they were looked for."""
        supports, values = [], []
        search = estimates if self.estimates_serve else preactivations
        for pre in search(x, self.W_enc, self.b_enc, parts=parts):
            bounds = pre.new_full((pre.shape[1],), bound).clamp_min(torch.finfo(pre.dtype).tiny)
            support, found = kernels_for(pre).select_above(pre, bounds)
            supports.append(support)
            values.append(found)
        return concatenate(supports), torch.cat(values)

    def backward(self, batch: Batch, step: StepInput, config: TrainConfig) -> StepLosses:
        losses = super().backward(batch, step, config)
        self.update_threshold()
        return losses

    def update_threshold(self) -> None:
        """Let the threshold follow the last batch's border; the first is taken as it is."""
        weight = torch.where(self.threshold > 0, 1 - MEMORY, 1.0)
        self.threshold.lerp_(torch.full_like(self.threshold, self._border), weight)

    def offsets(self) -> list[Tensor]:
        return [self.b_enc, self.threshold]
