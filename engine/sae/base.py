"""What every autoencoder can do, whatever its architecture."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from engine.sae.config import SAEConfig, TrainConfig


class StepInput(NamedTuple):
    """What the trainer hands to an architecture at each step."""

    x: Tensor
    """[batch, d_in] fp32, in the trainer's units (see `SparseAutoencoder.normalises_scale`)."""
    variance: float
    """Mean of ‖x − mean‖² over the training vectors: squared errors divided by it are fvu."""
    dead: Tensor
    """[dead] int64: the features that have not fired for long."""


class StepLosses(NamedTuple):
    """What an architecture hands back: one step's loss, and what the trainer reports of it."""

    loss: Tensor
    """Scalar: what is minimised."""
    squared_error: Tensor
    """Scalar without gradient: Σ ‖x − x̂‖² over the batch."""
    fired: Tensor
    """[d_sae] int32: in how many vectors of the batch each feature was active."""


class SparseAutoencoder(nn.Module, ABC):
    """Codes activations of width d_in in d_sae features, few of them active, and decodes them.

    `encode`, `decode` and the weights are in the units of raw activations, unless the autoencoder
    is being trained on scaled ones. The decoder is linear: x̂ = acts @ W_dec + b_dec.
    """

    active_threshold: ClassVar[float] = 0.0
    """A feature is active where its act is above this."""
    normalises_scale: ClassVar[bool] = False
    """Whether the trainer is to scale activations so that E‖x‖ = √d_in.

    If so, `unscale` is called when training ends.
    """

    def __init__(self, config: SAEConfig) -> None:
        super().__init__()
        self.config = config

    @property
    @abstractmethod
    def W_dec(self) -> Tensor:  # noqa: N802
        """[d_sae, d_in]: the direction that each feature writes, in units of its act."""

    @property
    @abstractmethod
    def b_dec(self) -> Tensor:
        """[d_in]: what is decoded when no feature is active."""

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Activations [..., d_in] of any float dtype to acts [..., d_sae], in fp32."""

    def decode(self, acts: Tensor) -> Tensor:
        """Acts [..., d_sae] to activations [..., d_in], in fp32."""
        return acts @ self.W_dec + self.b_dec

    def forward(self, x: Tensor) -> Tensor:
        """Activations [..., d_in] to their reconstruction [..., d_in]."""
        return self.decode(self.encode(x))

    @abstractmethod
    def initialise(self, sample: Tensor) -> None:
        """Set what depends on the data, from training vectors [n, d_in]."""

    @abstractmethod
    def training_step(self, step: StepInput, config: TrainConfig) -> StepLosses:
        """One batch forward, in a graph that the trainer differentiates."""

    def constrain_gradients(self) -> None:
        """Called between the backward pass and the optimiser's step."""
        return

    def constrain_weights(self) -> None:
        """Called after the optimiser's step."""
        return

    def unscale(self, scale: float) -> None:
        """Make an autoencoder that was trained on `scale · x` act on x."""
        raise NotImplementedError(f"{type(self).__name__} does not normalise scale")
