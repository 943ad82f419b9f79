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

from engine.sae.architectures.auxk import add_auxk_gradient
from engine.sae.architectures.base import StepInput, StepLosses
from engine.sae.architectures.initialisation import INITIAL_L0, feature_quantiles, fit_acts
from engine.sae.architectures.linear import Batch, UnitNormSAE, fire_counts, gradient
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.support import Support

BANDWIDTH = 0.2
ROUNDING = 2**-7
"""By what share a product in bf16 may be off: so much further candidates are looked for."""
ESTIMATION = 2**-4
"""The same of one of the `estimates` by 8-bit integers."""


class JumpReLU(UnitNormSAE):
    """A JumpReLU autoencoder. Candidates are what is above θ, or within the ramp below it."""

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        self.log_threshold = nn.Parameter(torch.zeros(config.d_sae))

    @property
    def threshold(self) -> Tensor:
        """[d_sae]: what a pre-activation must exceed."""
        return self.log_threshold.exp()

    @property
    def least_active(self) -> Tensor:
        return self.threshold

    def stored_weights(self) -> list[Tensor]:
        """With θ in place of log θ, which is infinite where θ is 0."""
        others = [weight for weight in super().stored_weights() if weight is not self.log_threshold]
        return [*others, self.threshold]

    @torch.no_grad()
    def initialise(self, sample: Tensor, target: Tensor) -> None:
        super().initialise(sample, target)
        l0 = INITIAL_L0 / self.ranks.tensor_parallel.size
        start = feature_quantiles(self.centre(sample), self.W_enc, l0)
        self.log_threshold.copy_(start.clamp_min(1e-3).log())
        fit_acts(self, sample, target)

    def candidates(self, x: Tensor, parts: int) -> tuple[Support, Tensor]:
        off = ESTIMATION if self.estimates_serve else ROUNDING
        least = self.threshold * (math.exp(-BANDWIDTH / 2) * (1 - off))
        return self.candidates_above(least, x, parts, by_estimates=self.estimates_serve)

    def backward(self, batch: Batch, step: StepInput, config: TrainConfig) -> StepLosses:
        assert config.target_l0 is not None
        features = batch.support.features
        pre = batch.products + self.b_enc[features]  # [nnz]
        threshold = self.threshold[features]  # θ [nnz]
        active = pre > threshold  # [nnz]
        acts = pre * active  # [nnz]
        residual, residual_dots = self.residual_and_dots(batch, acts)  # [n, d_out], [nnz]
        squared_error = self.squared_norm(residual)

        # S = warmup · excess², excess = L0 / target − 1
        warmup = step.warmup_factor(config.sparsity_warmup)
        target_count = self.total_vectors(batch.x) * config.target_l0  # active features aimed at
        count = self.ranks.world.all_reduce(active.sum()).to(pre.dtype)
        excess = count / target_count - 1
        sparsity = warmup * excess.square()

        self.add_decoder_gradient(batch, acts, residual)
        self.add_offset_gradients(batch, residual)
        grad_acts = residual_dots * (-2 * batch.weight)  # ∂L/∂act = −2 · weight · residual · W_dec
        grad_pre = grad_acts * active  # ∂act/∂pre = [pre > θ]
        totals = self.totals(batch, grad_pre)
        self.add_encoder_gradients(batch, grad_pre, totals)
        gradient(self.b_enc).add_(totals)  # ∂L/∂b_enc [d_sae]

        # ∂act/∂log θ = −pre / BANDWIDTH and ∂count/∂log θ = −1 / BANDWIDTH, both on the ramp
        on_ramp = (pre.clamp_min(1e-30) / threshold).log().abs() < BANDWIDTH / 2  # [nnz]
        grad_count = warmup * 2 * excess / target_count  # ∂S/∂count, a scalar
        grad_log_threshold = on_ramp * (grad_acts * pre + grad_count) / -BANDWIDTH  # [nnz]
        gradient(self.log_threshold).add_(self.totals(batch, grad_log_threshold))

        auxk = add_auxk_gradient(self, batch, residual, step, config)
        terms = {"sparsity": sparsity, **auxk}
        loss = squared_error * batch.weight + sum(terms.values())
        return StepLosses(loss, squared_error, fire_counts(acts, batch.by_feature), terms)

    @torch.no_grad()
    def scale_acts(self, factor: float) -> None:
        super().scale_acts(factor)
        self.log_threshold.add_(math.log(factor))
