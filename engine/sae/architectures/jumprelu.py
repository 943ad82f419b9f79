"""JumpReLU: every feature has a threshold of its own, which is learned (Rajamanoharan et al. 2024,
arXiv:2407.14435).

    acts = pre where pre > θ, else 0
    loss = fvu + (L0 / target − 1)²,   L0 = the number of features with pre > θ, per vector

The step that θ puts into both has no useful gradient; it is taken as that of a ramp about θ. Here
the ramp is BANDWIDTH wide in log(pre), so that it suits large thresholds and small ones, and log θ
is what is learned: thresholds stay above 0, and small updates are not lost (both in fp32).

    ∂L0 / ∂ log θ   ≈ −(1 / BANDWIDTH) · [|log pre − log θ| < BANDWIDTH / 2]
    ∂acts / ∂ log θ ≈ −(pre / BANDWIDTH) · [the same]

Thresholds start where the data put a few times the target above them: sparse from the first step,
when a step costs what k features cost, and already near the L0 that is aimed at.
"""

import math

import torch
from torch import Tensor, nn

from engine.sae.architectures.auxk import revived
from engine.sae.architectures.base import StepInput, StepLosses
from engine.sae.architectures.initialisation import INITIAL_L0, feature_quantiles, fit_acts
from engine.sae.architectures.linear import Seen, UnitNormSAE, gradient, times_active
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.support import Support
from engine.sae.training.schedules import warmed_up

BANDWIDTH = 0.2
ROUNDING = 2**-7
"""By what share a product in bf16 may be off: so much further candidates are looked for."""


class JumpReLU(UnitNormSAE):
    """A JumpReLU autoencoder; `choose` takes what is above, or within the ramp below, θ."""

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        self.log_threshold = nn.Parameter(torch.zeros(config.d_sae))

    @property
    def threshold(self) -> Tensor:
        """[d_sae]: what a pre-activation must exceed."""
        return self.log_threshold.exp()

    def activate(self, products: Tensor) -> Tensor:
        pre = products + self.encoder_bias
        return pre * (pre > self.threshold)

    def select(self, products: Tensor) -> tuple[Support, Tensor]:
        return self.exceeding(products, self.threshold)

    @torch.no_grad()
    def initialise(self, sample: Tensor, target: Tensor) -> None:
        super().initialise(sample, target)
        l0 = INITIAL_L0 / self.ranks.features.size
        start = feature_quantiles(self.centred(sample), self.encoder, l0)
        self.log_threshold.copy_(start.clamp_min(1e-3).log())
        fit_acts(self, sample, target)

    def choose(self, x: Tensor, parts: int) -> Support:
        least = self.threshold * (math.exp(-BANDWIDTH / 2) * (1 - ROUNDING))
        return self.above(least, x, parts)

    def learn(self, seen: Seen, step: StepInput, config: TrainConfig) -> StepLosses:
        assert config.target_l0 is not None
        features = seen.support.features
        pre = seen.products + self.encoder_bias[features]
        threshold = self.threshold[features]
        active = pre > threshold
        acts = pre * active
        left, along = self.residual(seen, acts)
        by_act = along * (-2 * seen.weight)
        self.decoder_gradient(seen, acts, left)
        self.bias_gradient(seen, left)
        gradient(self.encoder_bias).add_(self.encoder_gradient(seen, by_act * active))

        n = self.vectors_of_all(seen.x)
        urgency = warmed_up(step.done, config.sparsity_warmup)
        too_many = self.ranks.all.sum(active.sum()).to(pre.dtype) / (n * config.target_l0) - 1
        on_ramp = (pre.clamp_min(1e-30) / threshold).log().abs() < BANDWIDTH / 2
        by_one = urgency * 2 * too_many / (n * config.target_l0)
        by_log_threshold = on_ramp * (by_act * pre + by_one) / -BANDWIDTH
        totals = kernels_for(seen.x).totals_by_feature(seen.by_feature, by_log_threshold)
        gradient(self.log_threshold).add_(totals)

        squared_error, sparsity = self.squared(left), urgency * too_many.square()
        terms = {"sparsity": sparsity} | revived(self, seen, left, step, config)
        return StepLosses(
            squared_error * seen.weight + sum(terms.values()),
            squared_error,
            times_active(acts, seen.by_feature),
            terms,
        )

    @torch.no_grad()
    def scale_acts(self, factor: float) -> None:
        super().scale_acts(factor)
        self.log_threshold.add_(math.log(factor))
