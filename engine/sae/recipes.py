"""Good settings for every architecture: our own, which were measured, and published ones.

Torch-free. `recipe` fills in what the user left open. Whatever it starts from, the number of
tokens, of held-out vectors and of vectors after which a feature counts as dead follow the data.
"""

import math
from collections.abc import Callable
from typing import Any

import msgspec

from engine.errors import UserError
from engine.sae.config import COUNTING, PENALISED, SEEDS, SAEConfig, TrainConfig

CORPUS = 10_000
"""Vectors from which on an activation set counts as a corpus rather than a handful of prompts."""

GROUPS = (1 / 32, 1 / 16, 1 / 8, 1 / 4)
"""Shares of the width in matryoshka's groups; the last group is the rest, 17/32. As in
dictionary_learning."""


def recipe(
    architecture: str,
    d_in: int,
    vectors: int,
    *,
    preset: str = "",
    width: int | None = None,
    k: int | None = None,
    d_out: int | None = None,
    skip: bool = False,
    tokens: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    l1: float | None = None,
    seed: int = 0,
) -> tuple[SAEConfig, TrainConfig]:
    """Settings for `vectors` activations of width d_in; what is given is kept as it is.

    For jumprelu, which has no k, a given `k` is the L0 to aim at. `preset` is one of `PRESETS`, and
    empty for our own. Raises UserError for settings that can't be meant, and where there is nothing
    to train on.
    """
    if vectors < 1:
        raise UserError("There are no activations to train on.", "Capture some first.")
    sae = _shape(architecture, d_in, width=width, k=k, d_out=d_out, skip=skip)
    target_l0 = None
    if architecture == "jumprelu":
        target_l0 = float(min(32, sae.d_sae) if k is None else k)
        if target_l0 > sae.d_sae:
            raise UserError(
                f"k is {k}, but the autoencoder has only {sae.d_sae} features.",
                "Choose a smaller k or a larger width.",
            )
    if l1 is not None and architecture not in PENALISED:
        raise UserError(f"{architecture} has no L1 penalty.", "Leave it out.")
    begun = _budget(sae, vectors, tokens)
    training = msgspec.structs.replace(begun, target_l0=target_l0)
    training = _published(preset, sae, training) if preset else _OURS[architecture](sae, training)
    given = {"batch": batch, "lr": lr, "l1": l1, "seed": seed}
    return sae, msgspec.structs.replace(
        training, **{name: value for name, value in given.items() if value is not None}
    )


def groups_of(width: int) -> tuple[int, ...]:
    """Matryoshka's groups for `width` features; a width too small for five has fewer."""
    coarse = [round(share * width) for share in GROUPS]
    coarse = [size for size in coarse if size]
    return (*coarse, width - sum(coarse))


def _shape(
    architecture: str,
    d_in: int,
    *,
    width: int | None,
    k: int | None,
    d_out: int | None,
    skip: bool,
) -> SAEConfig:
    if width is None:
        per_dimension = 24_576 / 1_152 if architecture in SEEDS else 16  # the study's, and ours
        width = round(per_dimension * d_in)
    if architecture in COUNTING:
        k = min(32, width) if k is None else k
    elif k is not None and architecture != "jumprelu":
        raise UserError(f"{architecture} has no k.", "Leave it out.")
    return SAEConfig(
        architecture=architecture,
        d_in=d_in,
        d_sae=width,
        k=k if architecture in COUNTING else None,
        groups=groups_of(width) if architecture == "matryoshka" and width > 0 else None,
        d_out=d_out,
        skip=skip,
    )


def _budget(sae: SAEConfig, vectors: int, tokens: int | None) -> TrainConfig:
    """How long to train and on how much at a time. A corpus is seen up to fifty times, or until two
    million vectors; a handful of prompts by the seed's two forty times, as in the study."""
    handful = vectors < CORPUS
    if tokens is None:
        if sae.architecture in SEEDS:
            tokens = 40 * vectors if handful else vectors
        else:
            tokens = max(vectors, min(2_000_000, 50 * vectors))
    batch = min(1024, max(32, vectors // 16))
    if sae.architecture in SEEDS:
        batch = 32 if handful else 1024
    return TrainConfig(
        tokens=tokens,
        batch=batch,
        lr=1e-3,
        # ten million, as in Gao et al. 2024; in shorter runs a twentieth of the run
        dead_after=min(10_000_000, max(1, tokens // 20)),
        # nothing of a handful of prompts, as in the study
        held_out=0.0 if handful else 0.1,
    )


def _rate(sae: SAEConfig) -> float:
    """The rate that was measured best for topk: it goes with 1/√width."""
    return min(5e-3, 2.4e-3 * math.sqrt(2**14 / sae.d_sae))


def _counting(sae: SAEConfig, training: TrainConfig) -> TrainConfig:
    """What this is worth was measured: see `engine.sae.architectures.topk`."""
    return msgspec.structs.replace(training, lr=_rate(sae), warmup=0.02, decay=0.5, aux=1 / 32)


def _jumprelu(sae: SAEConfig, training: TrainConfig) -> TrainConfig:
    return msgspec.structs.replace(
        training, lr=_rate(sae), warmup=0.02, decay=0.5, aux=1 / 32, sparsity_warmup=0.3
    )


def _penalised(sae: SAEConfig, training: TrainConfig) -> TrainConfig:
    return msgspec.structs.replace(
        training,
        lr=_rate(sae),
        warmup=0.02,
        decay=0.5,
        # acts are as long as activations, which the trainer makes √d_in long
        l1=0.15 * math.sqrt(sae.d_in),
        sparsity_warmup=0.05,
    )


def _seed_basic(_: SAEConfig, training: TrainConfig) -> TrainConfig:
    return msgspec.structs.replace(training, l1=1e-3)


def _seed_optimised(_: SAEConfig, training: TrainConfig) -> TrainConfig:
    return msgspec.structs.replace(training, l1=1e-4, schedule="plateau", patience=1)


_OURS: dict[str, Callable[[SAEConfig, TrainConfig], TrainConfig]] = {
    "topk": _counting,
    "batchtopk": _counting,
    "matryoshka": _counting,
    "jumprelu": _jumprelu,
    "gated": _penalised,
    "relu": _penalised,
    "seed-basic": _seed_basic,
    "seed-optimised": _seed_optimised,
}


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A published recipe."""

    source: str
    """Who published it."""
    architectures: tuple[str, ...]
    """What it is for."""
    settings: dict[str, Any]
    """Fields of `TrainConfig`, as published."""
    lr_at_16k: float
    """The learning rate at 2¹⁴ features."""
    lr_scales: bool
    """Whether the rate goes with 1/√width."""
    warmup_steps: int = 0


PRESETS: dict[str, Preset] = {
    "gao2024": Preset(
        source='"Scaling and evaluating sparse autoencoders", Gao et al. 2024, arXiv:2406.04093',
        architectures=("topk",),
        settings={"aux": 1 / 32, "betas": (0.9, 0.999), "eps": 6.25e-10},
        lr_at_16k=1e-4,
        lr_scales=False,
    ),
    "dictionary-learning": Preset(
        source="dictionary_learning 0.1.0, trainers of BatchTopK and Matryoshka",
        architectures=("topk", "batchtopk", "matryoshka"),
        settings={"aux": 1 / 32, "betas": (0.9, 0.999), "eps": 1e-8, "decay": 0.2},
        lr_at_16k=2e-4,
        lr_scales=True,
        warmup_steps=1000,
    ),
    "anthropic2024": Preset(
        source='"Update on how we train SAEs", Anthropic, April 2024',
        architectures=("relu",),
        settings={
            "l1": 5.0,
            "sparsity_warmup": 0.05,
            "betas": (0.9, 0.999),
            "eps": 1e-8,
            "decay": 0.2,
        },
        lr_at_16k=5e-5,
        lr_scales=False,
    ),
}
"""Published recipes by name. Batches stay ours: what was published is for far longer runs."""


def _published(name: str, sae: SAEConfig, training: TrainConfig) -> TrainConfig:
    preset = PRESETS.get(name)
    if preset is None:
        raise UserError(f"There is no preset {name!r}.", f"Choose one of {', '.join(PRESETS)}.")
    if sae.architecture not in preset.architectures:
        raise UserError(
            f"The preset {name} is for {' and '.join(preset.architectures)}, not for"
            f" {sae.architecture}."
        )
    lr = preset.lr_at_16k * ((2**14 / sae.d_sae) ** 0.5 if preset.lr_scales else 1.0)
    warmup = min(0.5, preset.warmup_steps / training.steps)
    return msgspec.structs.replace(training, lr=lr, warmup=warmup, **preset.settings)
