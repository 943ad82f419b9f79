"""Gated: one path decides which features are active, another how strongly ("Improving dictionary
learning with gated sparse autoencoders", Rajamanoharan et al. 2024, arXiv:2404.16014).

    product = (x − b_dec) @ W_encᵀ
    gate = product + b_gate,   magnitude = product · exp(r_mag) + b_mag
    acts = relu(magnitude) where gate > 0, else 0

    loss = (Σ ‖x − x̂‖² + l1 · Σ relu(gate) + Σ ‖x − relu(gate) @ W_dec − b_dec‖²) / (n · variance)

The last term lets the gate learn from what its own values would reconstruct; there W_dec and b_dec
are taken as given. Features are directions of length 1. Gates start where the data leave few of
them open.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from engine.sae.architectures.base import StepInput, StepLosses
from engine.sae.architectures.initialisation import INITIAL_L0, feature_quantiles, fit_acts
from engine.sae.architectures.linear import Batch, LinearSAE, UnitNormSAE, fire_counts, gradient
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.support import Support


class Gated(UnitNormSAE):
    """A gated autoencoder."""

    has_b_enc = False
    stored_names: ClassVar[dict[str, str]] = LinearSAE.stored_names | {
        "b_gate": "gate_bias",
        "b_mag": "magnitude_bias",
        "r_mag": "log_magnitude",
    }

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        self.b_gate = nn.Parameter(torch.zeros(config.d_sae))
        self.b_mag = nn.Parameter(torch.zeros(config.d_sae))
        self.r_mag = nn.Parameter(torch.zeros(config.d_sae))

    @property
    def candidate_bias(self) -> Tensor:
        return self.b_gate

    def acts_at(self, products: Tensor, features: Tensor | slice) -> Tensor:
        magnitude = products * self.r_mag.exp()[features] + self.b_mag[features]
        return magnitude.relu() * (products + self.b_gate[features] > 0)

    def active_of_products(self, products: Tensor) -> tuple[Support, Tensor]:
        return self.active_of_acts(self.activate(products))

    @torch.no_grad()
    def initialise(self, sample: Tensor, target: Tensor) -> None:
        super().initialise(sample, target)
        l0 = INITIAL_L0 / self.ranks.tensor_parallel.size
        start = feature_quantiles(self.centre(sample), self.W_enc, l0)
        self.b_gate.copy_(-start)
        fit_acts(self, sample, target)

    def candidates(self, x: Tensor, parts: int) -> tuple[Support, Tensor]:
        return self.candidates_above_zero(x, parts)

    def backward(self, batch: Batch, step: StepInput, config: TrainConfig) -> StepLosses:
        features = batch.support.features
        gate = (batch.products + self.b_gate[features]).relu_()  # relu(gate) [nnz]
        steepness = self.r_mag.exp()[features]  # [nnz]
        magnitude = batch.products * steepness + self.b_mag[features]  # [nnz]
        acts = magnitude.relu() * (gate > 0)  # [nnz]
        residual, residual_dots = self.residual_and_dots(batch, acts)  # [n, d_out], [nnz]
        gate_residual, gate_dots = self.residual_and_dots(batch, gate)  # of relu(gate) @ W_dec
        squared_error = self.squared_norm(residual)
        aux = self.squared_norm(gate_residual) * batch.weight
        l1 = config.l1 * step.warmup_factor(config.sparsity_warmup) * batch.weight
        sparsity = l1 * self.ranks.world.all_reduce(gate.sum())

        # W_dec and b_dec get gradients of the error alone: the other terms take them as given
        self.add_decoder_gradient(batch, acts, residual)
        self.add_offset_gradients(batch, residual)
        # ∂L/∂gate [nnz] = (−2 · weight · gate_residual · W_dec[f] + l1) · [gate > 0]
        grad_gate = (gate_dots * (-2 * batch.weight) + l1) * (gate > 0)
        # ∂L/∂magnitude [nnz] = −2 · weight · residual · W_dec[f] · [act > 0]
        grad_magnitude = residual_dots * (acts > 0) * (-2 * batch.weight)
        # ∂L/∂product [nnz]: ∂gate/∂product = 1, ∂magnitude/∂product = exp(r_mag)
        grad_products = grad_gate + grad_magnitude * steepness
        self.add_encoder_gradients(batch, grad_products, self.totals(batch, grad_products))
        gradient(self.b_gate).add_(self.totals(batch, grad_gate))  # ∂L/∂b_gate [d_sae]
        gradient(self.b_mag).add_(self.totals(batch, grad_magnitude))  # ∂L/∂b_mag [d_sae]
        # ∂L/∂r_mag [d_sae]: ∂magnitude/∂r_mag = product · exp(r_mag)
        grad_r_mag = grad_magnitude * batch.products * steepness  # [nnz]
        gradient(self.r_mag).add_(self.totals(batch, grad_r_mag))

        return StepLosses(
            squared_error * batch.weight + sparsity + aux,
            squared_error,
            fire_counts(acts, batch.by_feature),
            {"sparsity": sparsity, "aux": aux},
        )

    def offsets(self) -> list[Tensor]:
        return [self.b_gate, self.b_mag]
