"""ReLU with an L1 penalty, weighted by the length of what each feature writes ("Update on how we
train SAEs", Anthropic, April 2024).

    acts = relu(pre),   loss = (Σ ‖x − x̂‖² + l1 · Σ acts · ‖W_dec_f‖) / (n · variance)

The trainer's scale, E‖x‖ = √d_in, is the one in which the source gives l1 = 5. Features may be of
any length: the penalty leaves no way to be cheap by being short. Biases start where the data leave
few features active, not half of them: a step costs what is active.
"""

import torch
from torch import Tensor

from engine.sae.architectures.auxk import revived
from engine.sae.architectures.base import StepInput, StepLosses
from engine.sae.architectures.initialisation import INITIAL_L0, feature_quantiles, fit_acts
from engine.sae.architectures.linear import LinearSAE, Seen, gradient, times_active
from engine.sae.config import TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.support import Support
from engine.sae.training.schedules import warmed_up


class ReLU(LinearSAE):
    """A ReLU autoencoder."""

    def activate(self, products: Tensor) -> Tensor:
        return (products + self.encoder_bias).relu()

    def select(self, products: Tensor) -> tuple[Support, Tensor]:
        return self.exceeding(products, products.new_zeros(()))

    @torch.no_grad()
    def initialise(self, sample: Tensor, target: Tensor) -> None:
        super().initialise(sample, target)
        l0 = INITIAL_L0 / self.ranks.features.size
        start = feature_quantiles(self.centred(sample), self.encoder, l0)
        self.encoder_bias.copy_(-start)
        fit_acts(self, sample, target)

    def choose(self, x: Tensor, parts: int) -> Support:
        return self.positive(x, parts)

    def learn(self, seen: Seen, step: StepInput, config: TrainConfig) -> StepLosses:
        features = seen.support.features
        kernels = kernels_for(seen.x)
        acts = (seen.products + self.encoder_bias[features]).relu_()
        left, along = self.residual(seen, acts)
        self.decoder_gradient(seen, acts, left)
        self.bias_gradient(seen, left)

        penalty = config.l1 * warmed_up(step.done, config.sparsity_warmup) * seen.weight
        lengths = self.decoder.norm(dim=1)
        written = kernels.totals_by_feature(seen.by_feature, acts)
        shares = penalty * written / lengths.clamp_min(1e-30)
        gradient(self.decoder).addcmul_(self.decoder, shares[:, None])

        by_act = along * (-2 * seen.weight) + penalty * lengths[features]
        gradient(self.encoder_bias).add_(self.encoder_gradient(seen, by_act * (acts > 0)))

        squared_error = self.squared(left)
        sparsity = penalty * self.ranks.all.sum((written * lengths).sum())
        terms = {"sparsity": sparsity} | revived(self, seen, left, step, config)
        return StepLosses(
            squared_error * seen.weight + sum(terms.values()),
            squared_error,
            times_active(acts, seen.by_feature),
            terms,
        )
