"""Gated: one path decides which features are active, another how strongly ("Improving dictionary
learning with gated sparse autoencoders", Rajamanoharan et al. 2024, arXiv:2404.16014).

    gate = (x − b_dec) @ W_enc + b_gate,   magnitude = (x − b_dec) @ W_enc · exp(r_mag) + b_mag
    acts = relu(magnitude) where gate > 0, else 0

    loss = (Σ ‖x − x̂‖² + l1 · Σ relu(gate) + Σ ‖x − relu(gate) @ W_dec − b_dec‖²) / (n · variance)

The last term lets the gate learn from what its own values would reconstruct; there W_dec and b_dec
are taken as given. Features are directions of length 1. Gates start where the data leave few of
them open.
"""

import torch
from torch import Tensor, nn

from engine.sae.architectures.base import StepInput, StepLosses
from engine.sae.architectures.initialisation import INITIAL_L0, feature_quantiles, fit_acts
from engine.sae.architectures.linear import Seen, UnitNormSAE, gradient, times_active
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.support import Support
from engine.sae.training.schedules import warmed_up


class Gated(UnitNormSAE):
    """A gated autoencoder."""

    gates_input = True

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        self.gate_bias = nn.Parameter(torch.zeros(config.d_sae))
        self.magnitude_bias = nn.Parameter(torch.zeros(config.d_sae))
        self.log_magnitude = nn.Parameter(torch.zeros(config.d_sae))

    @property
    def choosing_bias(self) -> Tensor:
        return self.gate_bias

    def activate(self, products: Tensor) -> Tensor:
        magnitude = products * self.log_magnitude.exp() + self.magnitude_bias
        return magnitude.relu() * (products + self.gate_bias > 0)

    @torch.no_grad()
    def initialise(self, sample: Tensor, target: Tensor) -> None:
        super().initialise(sample, target)
        l0 = INITIAL_L0 / self.ranks.features.size
        start = feature_quantiles(self.centred(sample), self.encoder, l0)
        self.gate_bias.copy_(-start)
        fit_acts(self, sample, target)

    def choose(self, x: Tensor, parts: int) -> Support:
        return self.positive(x, parts)

    def learn(self, seen: Seen, step: StepInput, config: TrainConfig) -> StepLosses:
        features = seen.support.features
        kernels = kernels_for(seen.x)
        gate = (seen.products + self.gate_bias[features]).relu_()
        steepness = self.log_magnitude.exp()[features]
        magnitude = seen.products * steepness + self.magnitude_bias[features]
        acts = magnitude.relu() * (gate > 0)
        left, along = self.residual(seen, acts)
        self.decoder_gradient(seen, acts, left)
        self.bias_gradient(seen, left)

        left_by_gate, along_by_gate = self.residual(seen, gate)
        penalty = config.l1 * warmed_up(step.done, config.sparsity_warmup) * seen.weight
        by_gate = (along_by_gate * (-2 * seen.weight) + penalty) * (gate > 0)
        by_magnitude = along * (acts > 0) * (-2 * seen.weight)
        self.encoder_gradient(seen, by_gate + by_magnitude * steepness)
        for parameter, by_entry in (
            (self.gate_bias, by_gate),
            (self.magnitude_bias, by_magnitude),
            (self.log_magnitude, by_magnitude * seen.products * steepness),
        ):
            gradient(parameter).add_(kernels.totals_by_feature(seen.by_feature, by_entry))

        squared_error, sparsity = self.squared(left), penalty * self.ranks.all.sum(gate.sum())
        by_gate_alone = self.squared(left_by_gate) * seen.weight
        return StepLosses(
            squared_error * seen.weight + sparsity + by_gate_alone,
            squared_error,
            times_active(acts, seen.by_feature),
            {"sparsity": sparsity, "aux": by_gate_alone},
        )

    def offsets(self) -> list[Tensor]:
        return [self.gate_bias, self.magnitude_bias]
