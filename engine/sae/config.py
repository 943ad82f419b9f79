"""What an autoencoder is, and how it is trained: two records that can't hold nonsense.

No torch here: the daemon and the command line read these. Both are checked when they are made, by
code and from a file alike, and raise UserError for a value that can't be meant; nobody behind them
checks again.
"""

import math
from typing import Literal

import msgspec

from engine.errors import UserError

ARCHITECTURES = ("topk", "seed-basic", "seed-optimised")

CORPUS = 10_000
"""Vectors from which on an activation set counts as a corpus rather than a handful of prompts."""

Schedule = Literal["linear", "plateau"]


class SAEConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of a sparse autoencoder: what one needs to build it."""

    architecture: str
    """One of `ARCHITECTURES`."""
    d_in: int
    """Width of the activations."""
    d_sae: int
    """Number of features."""
    k: int | None = None
    """Features kept per token: for `topk`, and for it alone."""

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise UserError(
                f"There is no architecture {self.architecture!r}.",
                f"Choose one of {', '.join(ARCHITECTURES)}.",
            )
        _at_least_one("The width of the activations (d_in)", self.d_in)
        _at_least_one("The width of the autoencoder (d_sae)", self.d_sae)
        if self.architecture == "topk":
            if self.k is None:
                raise UserError("A topk autoencoder needs k.", "Say how many features to keep.")
            _at_least_one("k", self.k)
            if self.k > self.d_sae:
                raise UserError(
                    f"k is {self.k}, but the autoencoder has only {self.d_sae} features.",
                    "Choose a smaller k or a larger width.",
                )
        elif self.k is not None:
            raise UserError(f"{self.architecture} has no k.", "Leave it out.")


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How an autoencoder is trained. `recipe` below knows good ones."""

    tokens: int
    """Activation vectors to train on, repeats counted."""
    batch: int
    """Vectors a step."""
    lr: float
    """The highest learning rate of Adam."""
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
    """Weight of ‖codes‖₁ in the loss of the seed's architectures."""
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
        for name, value in (("l1", self.l1), ("aux", self.aux)):
            if not (math.isfinite(value) and value >= 0):
                raise UserError(f"{name} is {value}.", "Choose a number from 0 up.")
        for name in ("warmup", "decay", "held_out"):
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


def recipe(
    architecture: str,
    d_in: int,
    vectors: int,
    *,
    width: int | None = None,
    k: int | None = None,
    tokens: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    seed: int = 0,
) -> tuple[SAEConfig, TrainConfig]:
    """Good settings for `vectors` activations of width d_in; what is given is kept as it is.

    Raises UserError for settings that can't be meant, and where there is nothing to train on.
    """
    if vectors < 1:
        raise UserError("There are no activations to train on.", "Capture some first.")
    if architecture == "topk":
        width = 16 * d_in if width is None else width
        k = min(32, width) if k is None else k
    elif width is None:
        width = round(d_in * 24_576 / 1_152)  # the study's features per dimension
    sae = SAEConfig(architecture=architecture, d_in=d_in, d_sae=width, k=k)
    training = (_topk if architecture == "topk" else _seed)(sae, vectors, tokens)
    given = {"batch": batch, "lr": lr, "seed": seed}
    return sae, msgspec.structs.replace(
        training, **{name: value for name, value in given.items() if value is not None}
    )


def _topk(sae: SAEConfig, vectors: int, tokens: int | None) -> TrainConfig:
    """What this is worth was measured: see `engine.sae.architectures.topk`."""
    if tokens is None:
        tokens = max(vectors, min(2_000_000, 50 * vectors))
    return TrainConfig(
        tokens=tokens,
        batch=min(1024, max(32, vectors // 16)),
        lr=min(5e-3, 1.2e-3 * (2**14 / sae.d_sae) ** 0.5),
        warmup=0.05,
        decay=0.2,
        aux=1 / 32,
        dead_after=_dead_after(tokens),
        held_out=_held_out(vectors),
    )


def _seed(sae: SAEConfig, vectors: int, tokens: int | None) -> TrainConfig:
    """For a handful of prompts, as in the study; of a corpus, one epoch in large batches."""
    if tokens is None:
        tokens = 40 * vectors if vectors < CORPUS else vectors
    training = TrainConfig(
        tokens=tokens,
        batch=32 if vectors < CORPUS else 1024,
        lr=1e-3,
        l1=1e-3,
        dead_after=_dead_after(tokens),
        held_out=_held_out(vectors),
    )
    if sae.architecture == "seed-optimised":
        return msgspec.structs.replace(training, l1=1e-4, schedule="plateau", patience=1)
    return training


def _dead_after(tokens: int) -> int:
    """Ten million, as in Gao et al. 2024; in shorter runs a twentieth of the run."""
    return min(10_000_000, max(1, tokens // 20))


def _held_out(vectors: int) -> float:
    """A tenth of a corpus, and nothing of a handful of prompts, as in the study."""
    return 0.1 if vectors >= CORPUS else 0.0


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise UserError(f"{name} is {value}.", "Choose a whole number above 0.")
