"""ReLU with an L1 penalty, weighted by the length of what each feature writes ("Update on how we
train SAEs", Anthropic, April 2024).

    acts = relu(pre),   loss = (Σ ‖x − x̂‖² + l1 · Σ acts · ‖W_dec_f‖) / (n · variance)

The trainer's scale, E‖x‖ = √d_in, is the one in which the source gives l1 = 5. Features may be of
any length: the penalty leaves no way to be cheap by being short. Biases start where the data leave
few features active, not half of them: a step costs what is active.
"""

import torch
from torch import Tensor

from engine.sae.architectures.auxk import add_auxk_gradient
from engine.sae.architectures.base import StepInput, StepLosses
from engine.sae.architectures.initialisation import INITIAL_L0, feature_quantiles, fit_acts
from engine.sae.architectures.linear import Batch, LinearSAE, fire_counts, gradient
from engine.sae.config import TrainConfig
from engine.sae.kernels.support import Support


class ReLU(LinearSAE):
    """A ReLU autoencoder."""

    def acts_at(self, products: Tensor, features: Tensor | slice) -> Tensor:
        return (products + self.b_enc[features]).relu()

    @torch.no_grad()
    def initialise(self, sample: Tensor, target: Tensor) -> None:
        super().initialise(sample, target)
        l0 = INITIAL_L0 / self.ranks.tensor_parallel.size
        start = feature_quantiles(self.centre(sample), self.W_enc, l0)
        self.b_enc.copy_(-start)
        fit_acts(self, sample, target)

    def candidates(self, x: Tensor, parts: int) -> tuple[Support, Tensor]:
        return self.candidates_above_zero(x, parts)

    def backward(self, batch: Batch, step: StepInput, config: TrainConfig) -> StepLosses:
        features = batch.support.features
        acts = (batch.products + self.b_enc[features]).relu_()  # [nnz]
        residual, residual_dots = self.residual_and_dots(batch, acts)  # [n, d_out], [nnz]
        squared_error = self.squared_norm(residual)

        # S = l1 · Σ acts · ‖W_dec[f]‖, the penalty, with its warm-up and the loss's weight in l1
        l1 = config.l1 * step.warmup_factor(config.sparsity_warmup) * batch.weight
        lengths = self.W_dec.norm(dim=1)  # [d_sae]
        summed_acts = self.totals(batch, acts)  # [d_sae]
        sparsity = l1 * self.ranks.world.all_reduce((summed_acts * lengths).sum())

        self.add_decoder_gradient(batch, acts, residual)
        # ∂S/∂W_dec [d_sae, d_out] = l1 · Σ_i acts · W_dec[f] / ‖W_dec[f]‖
        by_length = l1 * summed_acts / lengths.clamp_min(1e-30)
        gradient(self.W_dec).addcmul_(self.W_dec, by_length[:, None])
        self.add_offset_gradients(batch, residual)
        # ∂L/∂act = −2 · weight · residual · W_dec[f],  ∂S/∂act = l1 · ‖W_dec[f]‖
        grad_acts = residual_dots * (-2 * batch.weight) + l1 * lengths[features]  # [nnz]
        grad_pre = grad_acts * (acts > 0)  # ∂act/∂pre = [act > 0]
        totals = self.totals(batch, grad_pre)
        self.add_encoder_gradients(batch, grad_pre, totals)
        gradient(self.b_enc).add_(totals)  # ∂(L + S)/∂b_enc [d_sae]

        auxk = add_auxk_gradient(self, batch, residual, step, config)
        terms = {"sparsity": sparsity, **auxk}
        loss = squared_error * batch.weight + sum(terms.values())
        return StepLosses(loss, squared_error, fire_counts(acts, batch.by_feature), terms)
