"""The two autoencoders of the study that this program grew from.

Both are LayerNorm (of the activations' own width) → Linear(d → F) → LeakyReLU(0.1) → Linear(F → F)
to the codes, and a Linear(F → d) back, with an L1 penalty on the codes. They are kept for
comparison: the F × F matrix makes them large, and LeakyReLU followed by Linear gives codes of both
signs, almost none of them exactly 0. So "active" needs a threshold: a feature is active where its
code is above 0.5, about twice the deviation of the codes before training (0.24, whatever the
width). L0 counts those.

`seed-basic` is the plain definition: it reconstructs raw activations from their LayerNorm.
`seed-optimised` normalises aggressively: every dimension is first brought to mean 0 and deviation 1
over the training vectors (the statistics are kept beside the weights), the loss is taken there, and
the decoder's output is brought back to raw units. W_dec and b_dec include the way back. It has a
tenth of the L1 weight (on ‖codes‖₁, against the mean squared error per dimension), and a learning
rate that is halved when the loss stops falling.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.sae.base import SparseAutoencoder, StepInput, StepLosses
from engine.sae.config import SAEConfig, TrainConfig

ACTIVE_THRESHOLD = 0.5
NEGATIVE_SLOPE = 0.1


class SeedBasic(SparseAutoencoder):
    """LayerNorm, two Linear layers with a LeakyReLU between them, a Linear decoder."""

    active_threshold = ACTIVE_THRESHOLD

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        self.input_norm = nn.LayerNorm(config.d_in)
        self.encoder = nn.Sequential(
            nn.Linear(config.d_in, config.d_sae),
            nn.LeakyReLU(NEGATIVE_SLOPE),
            nn.Linear(config.d_sae, config.d_sae),
        )
        self.decoder = nn.Linear(config.d_sae, config.d_in)

    @property
    def W_dec(self) -> Tensor:  # noqa: N802
        return self.decoder.weight.T

    @property
    def b_dec(self) -> Tensor:
        return self.decoder.bias

    def encode(self, x: Tensor) -> Tensor:
        codes: Tensor = self.encoder(self.input_norm(x.float()))
        return codes

    def initialise(self, sample: Tensor) -> None:
        """Nothing here depends on the data."""

    def training_step(self, step: StepInput, config: TrainConfig) -> StepLosses:
        codes = self.encode(step.x)
        reconstruction = self.decode(codes)
        loss = functional.mse_loss(reconstruction, step.x) + config.l1 * codes.abs().sum(-1).mean()
        return _losses(loss, step.x - reconstruction, codes)


class SeedOptimised(SeedBasic):
    """`SeedBasic` between a standardisation of every dimension and its inverse."""

    mean: Tensor
    """[d_in]"""
    deviation: Tensor
    """[d_in], above 0"""

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        self.register_buffer("mean", torch.zeros(config.d_in))
        self.register_buffer("deviation", torch.ones(config.d_in))

    @property
    def W_dec(self) -> Tensor:  # noqa: N802
        return self.decoder.weight.T * self.deviation

    @property
    def b_dec(self) -> Tensor:
        return self.decoder.bias * self.deviation + self.mean

    def encode(self, x: Tensor) -> Tensor:
        return super().encode(self._standardised(x))

    @torch.no_grad()
    def initialise(self, sample: Tensor) -> None:
        self.mean.copy_(sample.mean(0))
        self.deviation.copy_(sample.std(0, correction=0).clamp_min(1e-6))

    def training_step(self, step: StepInput, config: TrainConfig) -> StepLosses:
        target = self._standardised(step.x)
        codes = super().encode(target)
        reconstruction = self.decoder(codes)
        loss = functional.mse_loss(reconstruction, target) + config.l1 * codes.abs().sum(-1).mean()
        return _losses(loss, (target - reconstruction) * self.deviation, codes)

    def _standardised(self, x: Tensor) -> Tensor:
        return (x.float() - self.mean) / self.deviation


def _losses(loss: Tensor, error: Tensor, codes: Tensor) -> StepLosses:
    fired = (codes > ACTIVE_THRESHOLD).sum(0, dtype=torch.int32)
    return StepLosses(loss, error.detach().square().sum(), fired)
