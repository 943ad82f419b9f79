"""BatchTopK: of a whole batch's pre-activations the k · batch largest are kept, so that a vector
may have as many features as it needs (Bussmann et al. 2024, arXiv:2412.06410).

    training:   acts = pre where it is among the k · batch largest of relu(pre), else 0
    inference:  acts = pre where pre > threshold, else 0

The threshold is the mean over the latest batches of the smallest pre-activation that was kept
(moving average, 0.9). Features are directions of length 1 and the dead are revived as in TopK.
"""

import torch
from torch import Tensor

from engine.sae.architectures.topk import CountingSAE
from engine.sae.base import StepInput, StepLosses
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.support import Support, joined, kept
from engine.sae.linear import Seen
from engine.sae.products import preactivations

MEMORY = 0.9
"""Share that the threshold keeps of itself at each step."""
MARGIN = 0.9
"""Candidates are looked for down to this share of the threshold."""


class BatchTopK(CountingSAE):
    """A BatchTopK autoencoder."""

    threshold: Tensor
    """[]: what a pre-activation must exceed at inference; 0 before training."""

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        self.register_buffer("threshold", torch.zeros(()))

    def activate(self, products: Tensor) -> Tensor:
        pre = products + self.encoder_bias
        return pre * (pre > self.threshold)

    def choose(self, x: Tensor, parts: int) -> Support:
        """The k · n largest pre-activations above 0 of the whole batch.

        Candidates are all that exceed a bound; the bound comes from the step before, and is given
        up where it leaves too few. So what is chosen does not depend on it.
        """
        wanted = self.k * len(x)
        support, values = self._candidates(x, MARGIN * float(self.threshold), parts)
        if len(values) < wanted and self.threshold > 0:
            support, values = self._candidates(x, 0.0, parts)
        return largest(support, values, wanted)

    def chosen(self, pre: Tensor) -> Support:
        """Every feature above 0; which of them are kept, `choose` tells of the whole batch."""
        return self._above(pre, 0.0)[0]

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
        self.remember(self.acts_of(seen))
        return losses

    def remember(self, acts: Tensor) -> None:
        """Let the threshold follow the smallest act above 0."""
        smallest = torch.where(acts > 0, acts, torch.inf).amin() if len(acts) else acts.sum()
        smallest = torch.where(smallest.isfinite(), smallest, self.threshold)
        weight = torch.where(self.threshold > 0, 1 - MEMORY, 1.0)  # the first is taken as it is
        self.threshold.lerp_(smallest, weight)

    def offsets(self) -> list[Tensor]:
        return [self.encoder_bias, self.threshold]


def largest(support: Support, values: Tensor, count: int) -> Support:
    """The `count` largest of the entries, whose values are [nnz]; of equal ones, the first."""
    surplus = len(values) - count
    if surplus <= 0:
        return support
    border = values.float().kthvalue(surplus + 1).values.to(values.dtype)
    above, at = values > border, values == border
    return kept(support, above | (at & (at.cumsum(0) <= count - above.sum())))
