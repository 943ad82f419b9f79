"""What an autoencoder is, and how it is trained: two records that can't hold nonsense.

No torch here: the daemon and the command line read these. Both are checked when they are made, by
code and from a file alike, and raise UserError for a value that can't be meant; nobody behind them
checks again. Good values for both come from `engine.sae.recipes`.
"""

import math
from typing import Literal

import msgspec

from engine.errors import UserError
from engine.sae.traits import Traits, traits_of

Schedule = Literal["linear", "plateau"]

MOST_DIMENSIONS, MOST_FEATURES = 1 << 24, 1 << 30
"""Widths beyond these are mistakes, and their products may have more bytes than can be counted."""


class SAEConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of a sparse autoencoder or transcoder: what one needs to build it."""

    architecture: str
    """A name in `engine.sae.traits.ARCHITECTURES`."""
    d_in: int
    """Width of the activations that are read."""
    d_sae: int
    """Number of features."""
    k: int | None = None
    """Features kept per token: for topk, and on average for batchtopk and matryoshka."""
    groups: tuple[int, ...] | None = None
    """For matryoshka: how many features each group holds, first the coarsest; they sum to d_sae."""
    d_out: int | None = None
    """For a transcoder: width of the activations that it predicts. None: it reconstructs what it
    reads."""
    skip: bool = False
    """For a transcoder: whether a linear map from input to output stands beside the features
    (Paulo et al. 2025, arXiv:2501.18823)."""
    layer_norm: bool = False
    """Whether it reads and writes vectors of mean 0 and deviation 1, whatever theirs are, as those
    of Gao et al. 2024 (arXiv:2406.04093). Such can be loaded and used, and are not trained here."""

    def __post_init__(self) -> None:
        traits_of(self.architecture)
        _within("The width of the activations (d_in)", self.d_in, MOST_DIMENSIONS)
        _within("The width of the autoencoder (d_sae)", self.d_sae, MOST_FEATURES)
        self._check_k()
        self._check_groups()
        self._check_transcoder()

    @property
    def traits(self) -> Traits:
        """What is known of its architecture."""
        return traits_of(self.architecture)

    @property
    def transcodes(self) -> bool:
        """Whether it predicts other activations than those it reads."""
        return self.d_out is not None

    @property
    def width_out(self) -> int:
        """Width of what it decodes to."""
        return self.d_in if self.d_out is None else self.d_out

    def _check_k(self) -> None:
        if not self.traits.keeps_k:
            if self.k is not None:
                raise UserError(f"{self.architecture} has no k.", "Leave it out.")
            return
        if self.k is None:
            raise UserError(f"{self.architecture} needs k.", "Say how many features to keep.")
        _at_least_one("k", self.k)
        if self.k > self.d_sae:
            raise UserError(
                f"k is {self.k}, but the autoencoder has only {self.d_sae} features.",
                "Choose a smaller k or a larger width.",
            )

    def _check_groups(self) -> None:
        if (self.groups is not None) != self.traits.grouped:
            what = "needs" if self.traits.grouped else "has no"
            raise UserError(f"{self.architecture} {what} groups of features.")
        groups = self.groups
        if groups is not None and (min(groups, default=0) < 1 or sum(groups) != self.d_sae):
            raise UserError(
                f"Groups of {', '.join(map(str, groups)) or 'nothing'} don't make up"
                f" {self.d_sae} features.",
                "Each holds at least one, and together they hold all.",
            )

    def _check_transcoder(self) -> None:
        if self.d_out is not None:
            _within("The width of what is predicted (d_out)", self.d_out, MOST_DIMENSIONS)
            if not self.traits.linear:
                raise UserError(f"{self.architecture} reconstructs what it reads.")
        elif self.skip:
            raise UserError("A skip connection is for transcoders.", "Name a target, or leave it.")
        if self.layer_norm and (self.transcodes or not self.traits.linear):
            raise UserError("A layer norm goes with no transcoder and none of the seed's.")


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How an autoencoder is trained. `engine.sae.recipes` knows good ones."""

    tokens: int
    """Activation vectors to train on, repeats counted."""
    batch: int
    """Vectors a step."""
    lr: float
    """The highest learning rate of Adam."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam's. A feature's gradients come seldom and in bursts, so the second moment forgets faster
    than by default; what that is worth is told in `engine.sae.architectures.topk`."""
    eps: float = 6.25e-10
    """Adam's, from Gao et al. 2024: small, as gradients are where a feature is in few vectors."""
    schedule: Schedule = "linear"
    """`linear` warm-up and decay (constant without either), or `plateau`: halved whenever the loss
    has stopped falling."""
    warmup: float = 0.0
    """Share of the steps in which `linear` rises from 0 to lr."""
    decay: float = 0.0
    """Share of the steps, the last ones, in which `linear` falls to 0."""
    patience: int = 0
    """Periods without a lower loss that `plateau` bears before it halves the learning rate; a
    period is an epoch, or a fortieth of the run where that is shorter."""
    l1: float = 0.0
    """Weight of the L1 penalty of relu, gated and the seed's two."""
    target_l0: float | None = None
    """For jumprelu: how many features are to be active per vector."""
    sparsity_warmup: float = 0.0
    """Share of the steps in which the weight of l1, or of the distance from target_l0, rises from 0
    to what it is."""
    aux: float = 0.0
    """Weight of the loss that revives dead features."""
    dead_after: int = 1_000_000
    """A feature that has not fired for so many vectors is dead."""
    held_out: float = 0.0
    """Share of the vectors, by document, that is kept for evaluation."""
    seed: int = 0
    """Of initialisation, shuffling and the choice of held-out documents."""

    def __post_init__(self) -> None:
        _at_least_one("The number of tokens", self.tokens)
        _at_least_one("The batch", self.batch)
        _at_least_one("dead_after", self.dead_after)
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise UserError(
                f"A learning rate of {self.lr} can't train anything.", "Choose one above 0."
            )
        if not all(0 <= beta < 1 for beta in self.betas):
            raise UserError(f"Adam's betas are {self.betas}.", "Choose both from 0 to below 1.")
        for name, value in (("l1", self.l1), ("aux", self.aux), ("eps", self.eps)):
            if not (math.isfinite(value) and value >= 0):
                raise UserError(f"{name} is {value}.", "Choose a number from 0 up.")
        if self.target_l0 is not None and not (
            math.isfinite(self.target_l0) and self.target_l0 > 0
        ):
            raise UserError(f"target_l0 is {self.target_l0}.", "Choose a number above 0.")
        for name in ("warmup", "decay", "held_out", "sparsity_warmup"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(
                    f"{name} is {getattr(self, name)}.", "It is a share: choose from 0 to below 1."
                )
        if self.seed < 0:
            raise UserError(f"The seed is {self.seed}.", "Choose a whole number from 0 up.")

    @property
    def steps(self) -> int:
        """Optimiser steps; the last batch is full, so a few vectors more may be seen."""
        return math.ceil(self.tokens / self.batch)


def _within(name: str, value: int, most: int) -> None:
    _at_least_one(name, value)
    if value > most:
        raise UserError(f"{name} is {value}.", f"Choose a whole number up to {most}.")


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise UserError(f"{name} is {value}.", "Choose a whole number above 0.")
