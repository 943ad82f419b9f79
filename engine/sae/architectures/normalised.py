"""Reading every vector normalised: any architecture between a layer norm and its inverse ("Scaling
and evaluating sparse autoencoders", Gao et al. 2024, arXiv:2406.04093; SAELens's `layer_norm`).

    x̄ = (x − mean(x)) / (deviation(x) + 1e-5),   x̂ = decode(encode(x̄)) · deviation(x) + mean(x)

Mean and deviation are those of the vector's own d_in numbers, the deviation with d_in − 1 below.
Every length reads alike, so what a unit of act adds to x̂ depends on x: `decoder_gain`.
"""

from torch import Tensor

from engine.sae.architectures.base import FindActive, StepInput, StepLosses
from engine.sae.architectures.linear import LinearSAE
from engine.sae.config import TrainConfig
from engine.sae.kernels.support import Support

EPSILON = 1e-5


class ReadsNormalised(LinearSAE):
    """Goes before an architecture in a class's bases. W_dec and b_dec are in normalised units."""

    def encode(self, x: Tensor) -> Tensor:
        return super().encode(_normalised(x.float()))

    def active(self, x: Tensor) -> tuple[Support, Tensor]:
        return super().active(_normalised(x.float()))

    def finder(self) -> FindActive:
        find = super().finder()
        return lambda x: find(_normalised(x.float()))

    def decode(self, acts: Tensor, x: Tensor | None = None) -> Tensor:
        if x is None:
            raise ValueError("a layer norm is undone with the input that it was made of")
        x = x.float()
        return super().decode(acts) * _deviation(x) + _mean(x)

    def decoder_gain(self, x: Tensor) -> Tensor:
        return _deviation(x.float())

    def training_step(self, step: StepInput, config: TrainConfig) -> StepLosses:
        raise NotImplementedError("an autoencoder with a layer norm is loaded, not trained")


def _normalised(x: Tensor) -> Tensor:
    return (x - _mean(x)) / (_deviation(x) + EPSILON)


def _mean(x: Tensor) -> Tensor:
    return x.mean(-1, keepdim=True)


def _deviation(x: Tensor) -> Tensor:
    return x.std(-1, keepdim=True)
