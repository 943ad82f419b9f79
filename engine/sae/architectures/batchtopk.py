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
from engine.sae.architectures.linear import Seen
from engine.sae.architectures.topk import CountingSAE
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.preactivations import preactivations
from engine.sae.kernels.sharded import largest
from engine.sae.kernels.support import Support, joined

MEMORY = 0.9
"""Share that the threshold keeps of itself at each step."""
MARGIN = 0.8
"""Candidates are looked for down to this share of the last batch's border."""


class BatchTopK(CountingSAE):
    """A BatchTopK autoencoder."""

    threshold: Tensor
    """[]: what a pre-activation must exceed at inference; 0 before training."""

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        self.register_buffer("threshold", torch.zeros(()))
        self._border = 0.0
        """The smallest pre-activation that the last batch kept."""

    def activate(self, products: Tensor) -> Tensor:
        pre = products + self.encoder_bias
        return pre * (pre > self.threshold)

    def select(self, products: Tensor) -> tuple[Support, Tensor]:
        return self.exceeding(products, self.threshold)

    def choose(self, x: Tensor, parts: int) -> Support:
        """The k · n largest pre-activations above 0 of the whole batch.

        Candidates are all that exceed a bound; the bound comes from the step before, and is given
        up where it leaves too few. So what is chosen does not depend on it.
        """
        wanted = self.k * self.vectors_of_all(x)
        support, values = self._candidates(x, MARGIN * self._border, parts)
        if self.ranks.all.total(len(values)) < wanted and self._border > 0:
            support, values = self._candidates(x, 0.0, parts)
        support, self._border = largest(support, values, wanted, self.ranks.all)
        return support

    def _candidates(self, x: Tensor, bound: float, parts: int) -> tuple[Support, Tensor]:
        blocks = preactivations(x, self.encoder, self.encoder_bias, parts=parts)
        found = [self._above(pre, bound) for pre in blocks]
        return joined([s for s, _ in found]), torch.cat([values for _, values in found])

    def _above(self, pre: Tensor, bound: float) -> tuple[Support, Tensor]:
        bounds = pre.new_full((pre.shape[1],), bound).clamp_min(torch.finfo(pre.dtype).tiny)
        found: tuple[Support, Tensor] = kernels_for(pre).select_above(pre, bounds)
        return found

    def learn(self, seen: Seen, step: StepInput, config: TrainConfig) -> StepLosses:
        losses = super().learn(seen, step, config)
        self.remember()
        return losses

    def remember(self) -> None:
        """Let the threshold follow the border; the first is taken as it is."""
        weight = torch.where(self.threshold > 0, 1 - MEMORY, 1.0)
        self.threshold.lerp_(torch.full_like(self.threshold, self._border), weight)

    def offsets(self) -> list[Tensor]:
        return [self.encoder_bias, self.threshold]
