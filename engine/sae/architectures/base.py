"""What every autoencoder can do, whatever its architecture."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.kernels.choose import kernels_for
from engine.sae.kernels.support import Support
from engine.sae.parallel import ALONE, Ranks

T = TypeVar("T")

FindActive = Callable[[Tensor], tuple[Support, Tensor]]
"""From activations [n, d_in] to the active features, ascending within a vector, and their acts
[nnz]."""


class StepInput(NamedTuple):
    """What the trainer hands to an architecture at each step.

    Where several processes train together, `x` and `target` are this one's part of the batch, and
    `dead` is among its own features.
    """

    x: Tensor
    """[batch, d_in] fp32, in the trainer's units (see `SparseAutoencoder.normalises_scale`)."""
    target: Tensor
    """[batch, d_out] fp32: what is to be decoded; x itself unless the config says `d_out`."""
    variance: float
    """Mean of ‖target − mean‖² over the training vectors: squared errors divided by it are fvu."""
    dead: Tensor
    """[dead] int64: the features that have not fired for long."""
    done: float = 0.0
    """Share of the run that lies behind, from 0 to 1."""
    parts: int = 1
    """Into how many parts the batch is to be split where memory is short; the sum is the same."""

    def warmup_factor(self, warmup: float) -> float:
        """From 0 to 1 while `done` goes from 0 to `warmup`, a share of the run; then 1."""
        return min(1.0, self.done / warmup) if warmup else 1.0


class StepLosses(NamedTuple):
    """What an architecture hands back: one step's loss, and what the trainer reports of it."""

    loss: Tensor
    """Scalar: what is minimised, over the vectors of every process."""
    squared_error: Tensor
    """Scalar: Σ ‖target − decoded‖² over the batch, the vectors of every process."""
    fire_counts: Tensor
    """[features] int64: in how many vectors of this process each of its features was active."""
    terms: Mapping[str, Tensor] = {}
    """Scalars by name, as in `Traits.loss_terms`: what the loss is made of beside the squared
    error."""


class SparseAutoencoder(nn.Module, ABC):
    """Codes activations of width d_in in d_sae features, few of them active, and decodes them.

    `encode`, `decode` and the weights are in the units of raw activations, unless the autoencoder
    is being trained on scaled ones. The decoder is linear: x̂ = acts @ W_dec + b_dec, times
    `decoder_gain`. A transcoder decodes to other activations than it reads, of width d_out.
    """

    active_threshold: ClassVar[float] = 0.0
    """A feature is active where its act is above this."""
    normalises_scale: ClassVar[bool] = False
    """Whether the trainer is to scale activations so that E‖x‖ = √d_in.

    If so, `unscale` is called when training ends.
    """
    replicated: ClassVar[frozenset[str]] = frozenset()
    """Names in its state of what has no row for each feature: all processes have it alike, where
    the features are sharded."""
    stored_names: ClassVar[Mapping[str, str]] = {}
    """What files and checkpoints call its tensors, where that isn't the name of the attribute."""
    ranks: Ranks = ALONE
    """The processes that train it together, each with its part of the vectors or features."""

    def __init__(self, config: SAEConfig) -> None:
        super().__init__()
        self.config = config

    @property
    def features(self) -> int:
        """How many of the d_sae features this process holds."""
        return self.config.d_sae // self.ranks.tensor_parallel.size

    if TYPE_CHECKING:  # every architecture has these: as parameters, or worked out of some

        @property
        def W_dec(self) -> Tensor:  # noqa: N802
            """[d_sae, d_out]: the direction that each feature writes, in units of its act."""

        @property
        def b_dec(self) -> Tensor:
            """[d_out]: what is decoded when no feature is active."""

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Activations [..., d_in] of any float dtype to acts [..., d_sae], in fp32."""

    def active(self, x: Tensor) -> tuple[Support, Tensor]:
        """The active features of activations [n, d_in], ascending within a vector, and their acts
        [nnz]: what `encode` gives, where that is above the active threshold."""
        return self.active_of_acts(self.encode(x))

    def finder(self) -> FindActive:
        """`active` for many batches, while the weights stay as they are: what it takes of them is
        worked out once, and it may take another way to the same, to round-off."""
        return self.active

    def active_of_acts(self, acts: Tensor) -> tuple[Support, Tensor]:
        """Of acts [n, d_sae] the active features, and their acts [nnz]."""
        least = acts.new_tensor(self.active_threshold).nextafter(acts.new_tensor(torch.inf))
        return kernels_for(acts).select_above(acts, least.expand(acts.shape[1]))

    def decode(self, acts: Tensor, x: Tensor | None = None) -> Tensor:
        """Acts [..., d_sae] to activations [..., d_out], in fp32.

        A transcoder with a skip connection, or a layer norm, needs the `x` that was read, too.
        """
        return acts @ self.W_dec + self.b_dec

    def decoder_gain(self, x: Tensor) -> Tensor | float:
        """How long W_dec's directions come out where activations x [..., d_in] were read.

        1 as a rule; with a layer norm [..., 1], the deviation of each vector.
        """
        return 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Activations [..., d_in] to what is made of them [..., d_out]."""
        return self.decode(self.encode(x), x)

    @abstractmethod
    def initialise(self, sample: Tensor, target: Tensor) -> None:
        """Set what depends on the data, from training vectors [n, d_in] and targets [n, d_out]."""

    estimates_serve: bool = False
    """Whether training steps find active features by estimates that `choose_search` found good."""

    def choose_search(self, x: Tensor) -> None:
        """Choose by some of a batch [n, d_in] how training steps look for active features from now
        on: by the fastest product that finds the right ones. Called now and then."""
        return

    @abstractmethod
    def training_step(self, step: StepInput, config: TrainConfig) -> StepLosses:
        """Take one batch forward and backward: add the loss's gradient to every `.grad`, so that
        those of all processes sum up to that of the whole batch.

        Every parameter has a `.grad` already. Gradients are written out where a formula knows most
        of them to be 0, and left to autograd elsewhere.
        """

    @property
    def unit_rows(self) -> Sequence[nn.Parameter]:
        """The parameters whose rows the optimiser keeps at length 1."""
        return ()

    def unscale(self, scale: float, target_scale: float) -> None:
        """Make one that was trained to turn `scale · x` into `target_scale · y` turn x into y."""
        raise NotImplementedError(f"{type(self).__name__} does not normalise scale")

    def weights_are_finite(self) -> bool:
        """Whether every weight is a finite number as it is stored: what is not can't be read
        again."""
        return all(bool(weight.isfinite().all()) for weight in self.stored_weights())

    def stored_weights(self) -> list[Tensor]:
        """All weights as libraries store them."""
        return [*self.parameters(), *self.buffers()]

    def to_stored_names(self, state: Mapping[str, T]) -> dict[str, T]:
        """What a state dictionary of this autoencoder is in files and checkpoints."""
        return {self.stored_names.get(name, name): value for name, value in state.items()}

    def from_stored_names(self, state: Mapping[str, T]) -> dict[str, T]:
        """What `to_stored_names` was given, from what it gave."""
        ours = {stored: name for name, stored in self.stored_names.items()}
        return {ours.get(name, name): value for name, value in state.items()}
