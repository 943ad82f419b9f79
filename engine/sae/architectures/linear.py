"""What the field's architectures share: directions in, a sparse choice, directions out.

    pre = (x − b_dec) @ W_enc + b_enc,   acts = activation(pre),   x̂ = acts @ W_dec + b_dec

They differ in the activation and in what they are made to minimise beside the squared error. A
transcoder reads x as it is, and may add x @ W_skip to what it decodes.

A training step is written for sparse activations: `engine.sae.kernels.preactivations` finds the
features that may be active, and everything else (values, decoding, gradients) is summed over those
alone. No autograd graph is built; tests hold the gradients to autograd's of the dense formulas.
"""

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.sae.architectures.base import SparseAutoencoder, StepInput, StepLosses
from engine.sae.architectures.geometric_median import geometric_median
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.preactivations import preactivations
from engine.sae.kernels.sharded import residual
from engine.sae.kernels.support import ByFeature, Support, joined


class Seen(NamedTuple):
    """A batch on its way through: what every architecture's step begins with."""

    x: Tensor
    """[n, d_in], centred"""
    target: Tensor
    """[n, d_out], centred, less what the skip connection gives"""
    support: Support
    """the features that are looked at in each vector"""
    products: Tensor
    """[nnz] fp32: x · encoder row, without bias"""
    by_feature: ByFeature
    """the support's entries in the order of their features"""
    weight: float
    """Squared errors times this are their share of fvu: 1 / (n · variance), n of all processes."""


class LinearSAE(SparseAutoencoder):
    """Weights have a row per feature, which sparse sums want."""

    normalises_scale = True
    gates_input = False
    """Whether the encoder has other biases than `encoder_bias` (gated)."""
    whole = frozenset({"decoder_bias", "skip", "threshold"})

    def __init__(self, config: SAEConfig) -> None:
        super().__init__(config)
        directions = _random_directions(config.d_sae, config.d_in)
        written = directions.clone()
        if config.transcodes:
            written = _random_directions(config.d_sae, config.width_out)
        self.encoder = nn.Parameter(directions)
        self.decoder = nn.Parameter(written)
        if not self.gates_input:
            self.encoder_bias = nn.Parameter(torch.zeros(config.d_sae))
        self.decoder_bias = nn.Parameter(torch.zeros(config.width_out))
        if config.skip:
            self.skip = nn.Parameter(torch.zeros(config.width_out, config.d_in))

    @property
    def W_dec(self) -> Tensor:  # noqa: N802
        return self.decoder

    @property
    def b_dec(self) -> Tensor:
        return self.decoder_bias

    @property
    def choosing_bias(self) -> Tensor:
        """[d_sae]: the bias of the pre-activations by which features are chosen."""
        return self.encoder_bias

    @abstractmethod
    def activate(self, products: Tensor) -> Tensor:
        """(x − b_dec) @ W_enc [n, d_sae] to acts [n, d_sae], as at inference."""

    def encode(self, x: Tensor) -> Tensor:
        centred = self.centred(x.float().reshape(-1, self.config.d_in))
        return self.activate(centred @ self.encoder.T).view(*x.shape[:-1], self.features)

    def active(self, x: Tensor) -> tuple[Support, Tensor]:
        return self.select(self.centred(x.float()) @ self.encoder.T)

    def select(self, products: Tensor) -> tuple[Support, Tensor]:
        """(x − b_dec) @ W_enc [n, d_sae] to what `active` gives; may change them."""
        return self.above_threshold(self.activate(products))

    def exceeding(self, products: Tensor, threshold: Tensor) -> tuple[Support, Tensor]:
        """The same where what is active is what exceeds a threshold ≥ 0, of each feature or of all:
        nothing dense is written but the pre-activations."""
        pre = products.add_(self.encoder_bias)
        bounds = threshold.nextafter(threshold.new_tensor(torch.inf)).expand(pre.shape[1])
        found: tuple[Support, Tensor] = kernels_for(pre).select_above(pre, bounds)
        return found

    def decode(self, acts: Tensor, x: Tensor | None = None) -> Tensor:
        decoded = super().decode(acts)
        if not self.config.skip:
            return decoded
        if x is None:
            raise ValueError("a skip connection decodes from acts and input")
        return decoded + x.float() @ self.skip.T

    def centred(self, x: Tensor) -> Tensor:
        """What the encoder multiplies, from activations [n, d_in]."""
        return x if self.config.transcodes else x - self.decoder_bias

    @torch.no_grad()
    def initialise(self, sample: Tensor, target: Tensor) -> None:
        """b_dec starts as the geometric median of the data."""
        self.decoder_bias.copy_(geometric_median(target))

    @abstractmethod
    def choose(self, x: Tensor, parts: int) -> Support:
        """Which features to look at in each of the centred vectors x [n, d_in]."""

    def above(self, least: Tensor, x: Tensor, parts: int) -> Support:
        """Those whose pre-activation is at least `least` [features], which is above 0."""
        blocks = preactivations(x, self.encoder, self.choosing_bias, parts=parts)
        return joined(
            [kernels_for(pre).select_above(pre, least.to(pre.dtype))[0] for pre in blocks]
        )

    def positive(self, x: Tensor, parts: int) -> Support:
        """Those whose pre-activation is above 0."""
        least = x.new_full((self.features,), torch.finfo(x.dtype).tiny)
        return self.above(least, x, parts)

    @abstractmethod
    def learn(self, seen: Seen, step: StepInput, config: TrainConfig) -> StepLosses:
        """Add the gradient of the loss to every `.grad`."""

    @torch.no_grad()
    def training_step(self, step: StepInput, config: TrainConfig) -> StepLosses:
        return self.learn(self.see(step), step, config)

    def see(self, step: StepInput) -> Seen:
        """Find the features of a batch and their values."""
        x = self.centred(step.x)
        target = x
        if self.config.transcodes:
            target = step.target - self.decoder_bias
            if self.config.skip:
                target = target - step.x @ self.skip.T
        kernels = kernels_for(x)
        support = self.choose(x, step.parts)
        return Seen(
            x=x,
            target=target,
            support=support,
            products=kernels.dots(x, self.encoder, support),
            by_feature=kernels.by_feature(support, self.features),
            weight=1 / (self.vectors_of_all(x) * step.variance),
        )

    def vectors_of_all(self, x: Tensor) -> int:
        """How many vectors the batch has of which `x` is this process's share."""
        return len(x) * self.ranks.vectors.size

    def residual(self, seen: Seen, acts: Tensor) -> tuple[Tensor, Tensor]:
        """What decoding `acts` leaves of the targets, and that · decoder row for every act."""
        return residual(seen.target, self.decoder, seen.support, acts, self.ranks.features)

    def squared(self, left: Tensor) -> Tensor:
        """Σ ‖left‖² over the vectors of all processes."""
        return self.ranks.vectors.sum(left.square().sum())

    def decoder_gradient(self, seen: Seen, acts: Tensor, left: Tensor) -> None:
        """Of weight · Σ ‖left‖², where `left` [n, d_out] is what decoding `acts` left of it."""
        add_sums(self.decoder, seen.by_feature, acts * (-2 * seen.weight), left)

    def bias_gradient(self, seen: Seen, left: Tensor) -> None:
        """The same for what is added whatever the acts: b_dec and the skip connection.

        All who have these vectors would add the same, so the first of them does.
        """
        if self.ranks.features.rank > 0:
            return
        gradient(self.decoder_bias).add_(left.sum(0), alpha=-2 * seen.weight)
        if self.config.skip:
            gradient(self.skip).addmm_(left.T, seen.x, alpha=-2 * seen.weight)

    def encoder_gradient(self, seen: Seen, by_products: Tensor) -> Tensor:
        """What follows from the loss's gradient [nnz] by `seen.products`.

        Returns its totals by feature [d_sae], the gradient of a bias added to the products.
        """
        add_sums(self.encoder, seen.by_feature, by_products, seen.x)
        totals: Tensor = kernels_for(seen.x).totals_by_feature(seen.by_feature, by_products)
        if not self.config.transcodes:
            gradient(self.decoder_bias).addmv_(self.encoder.T, totals, alpha=-1)
        return totals

    @torch.no_grad()
    def unscale(self, scale: float, target_scale: float) -> None:
        """All is linear but the biases and thresholds: acts come to be in the target's units."""
        self.encoder.mul_(scale)
        self.scale_acts(1 / target_scale)
        self.decoder_bias.div_(target_scale)
        if self.config.skip:
            self.skip.mul_(scale / target_scale)

    @torch.no_grad()
    def scale_acts(self, factor: float) -> None:
        """Make every act `factor` times what it was; the same are active."""
        self.encoder.mul_(factor)
        for offset in self.offsets():
            offset.mul_(factor)

    def offsets(self) -> list[Tensor]:
        """What is in units of acts and no direction: biases and thresholds."""
        return [self.encoder_bias]


class UnitNormSAE(LinearSAE):
    """Features are directions of length 1, which keeps acts comparable."""

    @torch.no_grad()
    def constrain_gradients(self) -> None:
        """Take from the decoder's gradient what would only change the length of a direction."""
        kernels_for(self.decoder).take_out_parallel(gradient(self.decoder), self.decoder)

    @torch.no_grad()
    def constrain_weights(self) -> None:
        kernels_for(self.decoder).normalise_rows(self.decoder)


def gradient(parameter: Tensor) -> Tensor:
    """The gradient that a parameter carries while it is trained."""
    assert parameter.grad is not None
    return parameter.grad


def add_sums(parameter: Tensor, sorted_: ByFeature, weights: Tensor, vectors: Tensor) -> None:
    """Onto the gradient of a parameter [d_sae, d]: Σ weights · vectors over a feature's entries."""
    kernels_for(vectors).sums_by_feature(sorted_, weights, vectors, gradient(parameter))


def times_active(acts: Tensor, sorted_: ByFeature) -> Tensor:
    """[features] int64: in how many vectors each feature's act, of acts [nnz], is above 0."""
    totals: Tensor = kernels_for(acts).totals_by_feature(sorted_, (acts > 0).to(acts.dtype))
    return totals.long()


def _random_directions(features: int, d: int) -> Tensor:
    """[features, d], of length 1. An outline has no lengths, and asking for them on torch's meta
    device costs a process the seconds in which torch loads how it would work them out."""
    drawn = torch.randn(features, d)
    return drawn if drawn.is_meta else functional.normalize(drawn, dim=1)
