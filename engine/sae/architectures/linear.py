"""What the field's architectures share: directions in, a sparse choice, directions out.

    pre = (x − b_dec) @ W_encᵀ + b_enc,   acts = activation(pre),   x̂ = acts @ W_dec + b_dec

They differ in the activation and in what they are made to minimise beside the squared error. A
transcoder reads x as it is, and may add x @ W_skipᵀ to what it decodes.

A training step, of n vectors:

1. `centre` x by b_dec, and take from the target what is decoded without any feature.
2. Find the candidates, the features that may be active in each vector: one dense product in bf16
   or 8-bit integers (`engine.sae.kernels.preactivations`), n · d_in · d_sae, of which only the
   support is kept.
3. Take the candidates' products (x − b_dec) · W_enc[f] again, in fp32: [nnz]. Where more were found
   than are wanted, they decide.
4. Make acts of them, as the architecture says.
5. Decode: the residual [n, d_out], and its dot product with W_dec[f] of every candidate [nnz].
6. Add ∂L/∂W_dec and ∂L/∂b_dec, from acts and residual.
7. Work out ∂L/∂product [nnz] from the dot products, as the architecture says.
8. Add ∂L/∂W_enc and ∂L/∂b_enc from it.

Steps 1 to 3 are `select_candidates`, the others the architecture's `backward`. All but step 2 is
summed over candidates alone. No autograd graph is built; tests hold the gradients to autograd's of
the dense formulas (`engine.sae.architectures.dense`).
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.sae.architectures.base import FindActive, SparseAutoencoder, StepInput, StepLosses
from engine.sae.architectures.geometric_median import geometric_median
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.preactivations import (
    estimates,
    estimates_are_good,
    preactivations,
)
from engine.sae.kernels.rounded import RoundedEncoder, rounded_products_serve
from engine.sae.kernels.sharded import residual_and_dots
from engine.sae.kernels.support import ByFeature, Support, concatenate, subset

MEASURED = 256
"""Vectors on which the precision of estimates is measured."""
TINY_SCALE = 1e-20
"""Below it, W_enc · scale may be too small for fp32 before it is brought to the acts' units."""


class Batch(NamedTuple):
    """A batch with its candidates: what every architecture's `backward` begins with.

    Where several processes train together, n and nnz are this process's.
    """

    x: Tensor
    """[n, d_in], centred"""
    target: Tensor
    """[n, d_out], centred, less what the skip connection gives"""
    support: Support
    """The candidates of each vector."""
    products: Tensor
    """[nnz] fp32: x · W_enc[f], without bias"""
    by_feature: ByFeature
    """The support's entries in the order of their features."""
    weight: float
    """Squared errors times this are their share of fvu: 1 / (n · variance), n of all processes."""


class LinearSAE(SparseAutoencoder):
    """An autoencoder of two matrices, both with a row for each feature, which sparse sums want."""

    normalises_scale = True
    has_b_enc: ClassVar[bool] = True
    """Whether the encoder has the bias `b_enc`, rather than others."""
    replicated = frozenset({"b_dec", "W_skip", "threshold"})
    stored_names: ClassVar[dict[str, str]] = {
        "W_enc": "encoder",
        "W_dec": "decoder",
        "b_enc": "encoder_bias",
        "b_dec": "decoder_bias",
        "W_skip": "skip",
    }
    W_enc: nn.Parameter
    """[d_sae, d_in]: the direction that each feature reads, the transpose of SAELens's."""
    W_dec: nn.Parameter
    """[d_sae, d_out]: the direction that each feature writes."""
    b_enc: nn.Parameter
    """[d_sae]; where `has_b_enc`"""
    b_dec: nn.Parameter
    """[d_out]: what is decoded when no feature is active, and what is taken from x before."""
    W_skip: nn.Parameter
    """[d_out, d_in]; where the config says `skip`"""

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        directions = _random_directions(config.d_sae, config.d_in)
        written = directions.clone()
        if config.transcodes:
            written = _random_directions(config.d_sae, config.width_out)
        # an optimiser's state, and so every checkpoint, has parameters in this order
        self.W_enc = nn.Parameter(directions)
        self.W_dec = nn.Parameter(written)
        if self.has_b_enc:
            self.b_enc = nn.Parameter(torch.zeros(config.d_sae))
        self.b_dec = nn.Parameter(torch.zeros(config.width_out))
        if config.skip:
            self.W_skip = nn.Parameter(torch.zeros(config.width_out, config.d_in))

    # -- at inference --

    @property
    def least_active(self) -> Tensor:
        """[d_sae]: what a pre-activation by `candidate_bias` must exceed at inference, ≥ 0."""
        return self.candidate_bias.new_zeros(self.features)

    def acts_at(self, products: Tensor, features: Tensor | slice) -> Tensor:
        """(x − b_dec) · W_enc[f] of some features, or of all, to acts as at inference."""
        pre = products + self.b_enc[features]
        return pre * (pre > self.least_active[features])

    def activate(self, products: Tensor) -> Tensor:
        """(x − b_dec) @ W_encᵀ [n, d_sae] to acts [n, d_sae], as at inference."""
        return self.acts_at(products, slice(None))

    def encode(self, x: Tensor) -> Tensor:
        centred = self.centre(x.float().reshape(-1, self.config.d_in))
        return self.activate(centred @ self.W_enc.T).view(*x.shape[:-1], self.features)

    def active(self, x: Tensor) -> tuple[Support, Tensor]:
        return self._active_by_products(x)

    def _active_by_products(self, x: Tensor) -> tuple[Support, Tensor]:
        return self.active_of_products(self.centre(x.float()) @ self.W_enc.T)

    def active_of_products(self, products: Tensor) -> tuple[Support, Tensor]:
        """Of (x − b_dec) @ W_encᵀ [n, d_sae], which may be changed, the active features, and their
        acts [nnz]. Nothing dense is written but the pre-activations."""
        pre, least = products.add_(self.b_enc), self.least_active
        return kernels_for(pre).select_above(pre, least.nextafter(least.new_tensor(torch.inf)))

    def finder(self) -> FindActive:
        if not rounded_products_serve(self.W_enc):
            return self._active_by_products
        encoder = RoundedEncoder(self.W_enc, self.candidate_bias)

        def find(x: Tensor) -> tuple[Support, Tensor]:
            centred = self.centre(x.float())
            support = self.may_be_active(centred, encoder)
            if support is None:
                return self._active_by_products(x)
            products = kernels_for(centred).dots(centred, self.W_enc, support)
            return self.active_of_candidates(support, products)

        return find

    def may_be_active(self, x: Tensor, encoder: RoundedEncoder) -> Support | None:
        """The features that may be active at inference in the centred vectors x [n, d_in]; None
        where they are many."""
        return encoder.above(x, self.least_active)

    def active_of_candidates(self, support: Support, products: Tensor) -> tuple[Support, Tensor]:
        """Of candidates with their products [nnz] those that are active at inference, and their
        acts."""
        acts = self.acts_at(products, support.features)
        active = acts > 0
        return subset(support, active), acts[active]

    def decode(self, acts: Tensor, x: Tensor | None = None) -> Tensor:
        decoded = super().decode(acts)
        if not self.config.skip:
            return decoded
        if x is None:
            raise ValueError("a skip connection decodes from acts and input")
        return decoded + x.float() @ self.W_skip.T

    def centre(self, x: Tensor) -> Tensor:
        """What the encoder multiplies, from activations [n, d_in]."""
        return x if self.config.transcodes else x - self.b_dec

    # -- in training --

    @torch.no_grad()
    def initialise(self, sample: Tensor, target: Tensor) -> None:
        """Start b_dec as the geometric median of the targets [n, d_out]."""
        self.b_dec.copy_(geometric_median(target))

    def decode_at_first(self, x: Tensor) -> Tensor:
        """What this process's features decode from x [n, d_in] in training before any step, less
        b_dec: [n, d_out]."""
        decoded: Tensor = self(x)
        return decoded - self.b_dec

    @torch.no_grad()
    def choose_search(self, x: Tensor) -> None:
        alone = self.ranks.world.size == 1
        self.estimates_serve = alone and estimates_are_good(self.centre(x[:MEASURED]), self.W_enc)

    @torch.no_grad()
    def training_step(self, step: StepInput, config: TrainConfig) -> StepLosses:
        return self.backward(self.select_candidates(step), step, config)

    def select_candidates(self, step: StepInput) -> Batch:
        """Centre a batch, and find the candidates of its vectors and their products."""
        x = self.centre(step.x)  # [n, d_in]
        target = x
        if self.config.transcodes:
            target = step.target - self.b_dec  # [n, d_out]
            if self.config.skip:
                target = target - step.x @ self.W_skip.T
        support, products = self.candidates(x, step.parts)
        return Batch(
            x=x,
            target=target,
            support=support,
            products=products,  # [nnz]
            by_feature=kernels_for(x).sort_by_feature(support, self.features),
            weight=1 / (self.total_vectors(x) * step.variance),
        )

    @abstractmethod
    def candidates(self, x: Tensor, parts: int) -> tuple[Support, Tensor]:
        """The features that may be active in each of the centred vectors x [n, d_in], found in so
        many parts of the batch; and their products x · W_enc[f] in fp32 [nnz]."""

    @abstractmethod
    def backward(self, batch: Batch, step: StepInput, config: TrainConfig) -> StepLosses:
        """Add the gradient of the loss to every `.grad`."""

    @property
    def candidate_bias(self) -> Tensor:
        """[d_sae]: the bias of the pre-activations by which candidates are found."""
        return self.b_enc

    def candidates_above(
        self, least: Tensor, x: Tensor, parts: int, *, by_estimates: bool = False
    ) -> tuple[Support, Tensor]:
        """The features whose pre-activation is at least `least` [features], which is above 0, and
        their products [nnz]."""
        search = estimates if by_estimates else preactivations
        blocks = search(x, self.W_enc, self.candidate_bias, parts=parts)
        support = concatenate(
            [kernels_for(pre).select_above(pre, least.to(pre.dtype))[0] for pre in blocks]
        )
        return support, kernels_for(x).dots(x, self.W_enc, support)

    def candidates_above_zero(self, x: Tensor, parts: int) -> tuple[Support, Tensor]:
        """The features whose pre-activation is above 0, and their products [nnz]."""
        least = x.new_full((self.features,), torch.finfo(x.dtype).tiny)
        return self.candidates_above(least, x, parts)

    def total_vectors(self, x: Tensor) -> int:
        """How many vectors the batch has of which `x` [n, d_in] is this process's part."""
        return len(x) * self.ranks.data_parallel.size

    def residual_and_dots(self, batch: Batch, acts: Tensor) -> tuple[Tensor, Tensor]:
        """What decoding acts [nnz] leaves of the targets [n, d_out], and residual · W_dec[f] of
        every candidate [nnz]."""
        group = self.ranks.tensor_parallel
        return residual_and_dots(batch.target, self.W_dec, batch.support, acts, group)

    def squared_norm(self, residual: Tensor) -> Tensor:
        """Σ ‖residual‖² over the vectors of all processes, a scalar."""
        return self.ranks.data_parallel.all_reduce(residual.square().sum())

    # Of L = weight · Σ ‖residual‖², where residual = target − acts @ W_dec [n, d_out], the target
    # being y − b_dec − x @ W_skipᵀ. So ∂L/∂residual = 2 · weight · residual.

    def add_decoder_gradient(self, batch: Batch, acts: Tensor, residual: Tensor) -> None:
        """Add ∂L/∂W_dec, from acts [nnz] and what decoding them left [n, d_out]."""
        # ∂L/∂W_dec [d_sae, d_out] = −2 · weight · actsᵀ @ residual
        add_sums(self.W_dec, batch.by_feature, acts * (-2 * batch.weight), residual)

    def add_offset_gradients(self, batch: Batch, residual: Tensor) -> None:
        """Add ∂L/∂b_dec and ∂L/∂W_skip, of what is decoded whatever the acts.

        All processes that have these vectors would add the same, so the first of them does.
        """
        if self.ranks.tensor_parallel.rank > 0:
            return
        # ∂L/∂b_dec [d_out] = −2 · weight · Σ_i residual_i
        gradient(self.b_dec).add_(residual.sum(0), alpha=-2 * batch.weight)
        if self.config.skip:
            # ∂L/∂W_skip [d_out, d_in] = −2 · weight · residualᵀ @ x
            gradient(self.W_skip).addmm_(residual.T, batch.x, alpha=-2 * batch.weight)

    def add_encoder_gradients(self, batch: Batch, grad_products: Tensor, totals: Tensor) -> None:
        """Add ∂L/∂W_enc, and what reaches b_dec through the centring of x.

        `grad_products` [nnz] is ∂L/∂product of every candidate, and `totals` [d_sae] its sums by
        feature.
        """
        # ∂L/∂W_enc [d_sae, d_in] = ∂L/∂productsᵀ @ (x − b_dec)
        add_sums(self.W_enc, batch.by_feature, grad_products, batch.x)
        if not self.config.transcodes:
            # ∂L/∂b_dec [d_in] −= Σ_f totals_f · W_enc[f]
            gradient(self.b_dec).addmv_(self.W_enc.T, totals, alpha=-1)

    def totals(self, batch: Batch, values: Tensor) -> Tensor:
        """Sums by feature [d_sae] of values [nnz]: of a gradient by something of each candidate,
        that by a parameter of its feature which is added to it."""
        return kernels_for(values).totals_by_feature(batch.by_feature, values)

    @torch.no_grad()
    def unscale(self, scale: float, target_scale: float) -> None:
        """Make one that was trained to turn `scale · x` into `target_scale · y` turn x into y: all
        is linear but the biases and thresholds, and acts come to be in the target's units."""
        is_tiny = scale < TINY_SCALE
        if is_tiny:
            self.scale_acts(1 / target_scale)
        self.W_enc.mul_(scale)
        if not is_tiny:
            self.scale_acts(1 / target_scale)
        self.b_dec.div_(target_scale)
        if self.config.skip:
            self.W_skip.mul_(scale / target_scale)

    @torch.no_grad()
    def scale_acts(self, factor: float) -> None:
        """Make every act `factor` times what it was; the same are active."""
        self.W_enc.mul_(factor)
        for offset in self.offsets():
            offset.mul_(factor)

    def offsets(self) -> list[Tensor]:
        """The parameters in units of acts that are no directions: biases and thresholds."""
        return [self.b_enc]


class UnitNormSAE(LinearSAE):
    """A linear autoencoder that writes directions of length 1, which keeps acts comparable."""

    @property
    def unit_rows(self) -> Sequence[nn.Parameter]:
        return (self.W_dec,)


def gradient(parameter: Tensor) -> Tensor:
    """The gradient that a parameter carries while it is trained."""
    assert parameter.grad is not None
    return parameter.grad


def add_sums(parameter: Tensor, by_feature: ByFeature, weights: Tensor, vectors: Tensor) -> None:
    """Add Σ weights · vectors over each feature's entries to the gradient of a parameter
    [d_sae, d], from weights [nnz] and vectors [n, d]."""
    kernels_for(vectors).sums_by_feature(by_feature, weights, vectors, gradient(parameter))


def fire_counts(acts: Tensor, by_feature: ByFeature) -> Tensor:
    """[features] int64: in how many vectors each feature's act, of acts [nnz], is above 0."""
    totals = kernels_for(acts).totals_by_feature(by_feature, (acts > 0).to(acts.dtype))
    return totals.long()


def _random_directions(features: int, d: int) -> Tensor:
    """[features, d], of length 1. An outline has no lengths, and asking for them on torch's meta
    device costs a process the seconds in which torch loads how it would work them out."""
    drawn = torch.randn(features, d)
    return drawn if drawn.is_meta else functional.normalize(drawn, dim=1)
