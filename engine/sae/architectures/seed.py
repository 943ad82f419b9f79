"""The two autoencoders of the study that this program grew from.

Both are LayerNorm (of the activations' own width) → Linear(d → F) → LeakyReLU(0.1) → Linear(F → F)
to the codes, and a Linear(F → d) back, with an L1 penalty on the codes. They are kept for
comparison: the F × F matrix makes them large, and LeakyReLU followed by Linear gives codes of both
signs, almost none of them exactly 0. So "active" needs a threshold: a feature is active where its
code is above 0.5, about twice the deviation of the codes before training (√(1.01 / 18) ≈ 0.24 by
how PyTorch draws weights, whatever the width). L0 counts those.

`seed-basic` is the plain definition: it reconstructs raw activations from their LayerNorm.
`seed-optimised` normalises aggressively: every dimension is first brought to mean 0 and deviation 1
over the training vectors (the statistics are kept beside the weights), the loss is taken there, and
the decoder's output is brought back to raw units. W_dec and b_dec include the way back. It has a
tenth of the L1 weight (on ‖codes‖₁, against the mean squared error per dimension), and a learning
rate that is halved when the loss stops falling.
"""

import torch
from torch import Tensor, nn

from engine.sae.architectures.base import SparseAutoencoder, StepInput, StepLosses
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

    def initialise(self, sample: Tensor, target: Tensor) -> None:
        """Nothing here depends on the data."""

    def training_step(self, step: StepInput, config: TrainConfig) -> StepLosses:
        """Add the gradients by autograd, in as many parts as asked for; each counts by its share of
        the batch."""
        group, parts = self.ranks.data_parallel, []
        for x in step.x.chunk(step.parts):
            with torch.enable_grad():
                loss, error, codes = self._loss(x, config)
            share = len(x) / (len(step.x) * group.size)
            (loss * share).backward()  # type: ignore[no-untyped-call]
            fired = (codes.detach() > ACTIVE_THRESHOLD).sum(0)
            parts.append((loss.detach() * share, error.detach().square().sum(), fired))
        losses, squared_errors, counts = (
            torch.stack(column) for column in zip(*parts, strict=True)
        )
        loss, squared_error = group.all_reduce(losses.sum()), group.all_reduce(squared_errors.sum())
        return StepLosses(loss, squared_error, counts.sum(0))

    def _loss(self, x: Tensor, config: TrainConfig) -> tuple[Tensor, Tensor, Tensor]:
        """The mean loss, the error in the units of x, and the codes."""
        codes = self.encode(x)
        error = x - self.decode(codes)
        return error.square().mean() + config.l1 * codes.abs().sum(-1).mean(), error, codes


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
    def initialise(self, sample: Tensor, target: Tensor) -> None:
        self.mean.copy_(sample.mean(0))
        self.deviation.copy_(sample.std(0, correction=0).clamp_min(1e-6))

    def _loss(self, x: Tensor, config: TrainConfig) -> tuple[Tensor, Tensor, Tensor]:
        standardised = self._standardised(x)
        codes = super().encode(standardised)
        error = standardised - self.decoder(codes)
        loss = error.square().mean() + config.l1 * codes.abs().sum(-1).mean()
        return loss, error * self.deviation, codes

    def _standardised(self, x: Tensor) -> Tensor:
        return (x.float() - self.mean) / self.deviation
