"""Good settings for every architecture: our own, which were measured, and published ones.

Torch-free. Our own stand with each architecture's traits (`engine.sae.traits`).
`recipe` fills in what the user left open. Whatever it starts from, the number of
tokens, of held-out vectors and of vectors after which a feature counts as dead follow the data.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from engine.errors import UserError, join_words
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.traits import Traits, label, takers, traits_of

CORPUS = 10_000
"""Vectors from which on an activation set counts as a corpus rather than a handful of prompts."""

SETTINGS = frozenset({"preset", "width", "k", "skip", *TrainConfig.__struct_fields__})
"""Names of the settings that `recipe` takes, apart from the architecture and the data's sizes."""

USUAL_K = 32
"""Features to keep, or to aim at, where there are as many and nobody says."""

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
    seed: int = 0,
    **settings: Any,
) -> tuple[SAEConfig, TrainConfig]:
    """Settings for `vectors` activations of width d_in; what is given is kept as it is.

    `settings` are fields of `TrainConfig` by name, such as batch, lr and l1; None leaves one to the
    recipe. An architecture that aims at a k takes it as its target L0. `preset` is one of
    `PRESETS`, and empty for our own. Raises UserError for settings that can't be meant or that the
    architecture doesn't have, and where there is nothing to train on.
    """
    if vectors < 1:
        raise UserError("There are no activations to train on.", "Capture some first.")
    given = {name: value for name, value in settings.items() if value is not None}
    _check_has(traits_of(architecture), given if k is None else {"k": k, **given})
    sae = _shape(architecture, d_in, width=width, k=k, d_out=d_out, skip=skip)
    training = _budget(sae, vectors, tokens)
    if sae.traits.aims_at_k:
        training = msgspec.structs.replace(training, target_l0=_target_l0(sae, k))
    training = _published(preset, sae, training) if preset else _ours(sae, training)
    return sae, msgspec.structs.replace(training, seed=seed, **given)


def groups_of(width: int) -> tuple[int, ...]:
    """Matryoshka's groups for `width` features; a width too small for five has fewer."""
    coarse = [round(share * width) for share in GROUPS]
    coarse = [size for size in coarse if size]
    return (*coarse, width - sum(coarse))


def _check_has(traits: Traits, given: Iterable[str]) -> None:
    for name in given:
        if takers(name) and name not in traits.settings:
            raise UserError(f"{traits.name} has no {label(name)}.", "Leave it out.")


def _shape(
    architecture: str,
    d_in: int,
    *,
    width: int | None,
    k: int | None,
    d_out: int | None,
    skip: bool,
) -> SAEConfig:
    traits = traits_of(architecture)
    if width is None:
        per_dimension = 24_576 / 1_152 if traits.of_study else 16  # the study's, and ours
        width = round(per_dimension * d_in)
    if k is None:
        k = min(USUAL_K, width)
    return SAEConfig(
        architecture=architecture,
        d_in=d_in,
        d_sae=width,
        k=k if traits.keeps_k else None,
        groups=groups_of(width) if traits.grouped and width > 0 else None,
        d_out=d_out,
        skip=skip,
    )


def _target_l0(sae: SAEConfig, k: int | None) -> float:
    """The L0 to aim at, in place of a k. UserError for more than all features."""
    if k is not None and k > sae.d_sae:
        raise UserError(
            f"k is {k}, but the autoencoder has only {sae.d_sae} features.",
            "Choose a smaller k or a larger width.",
        )
    return float(min(USUAL_K, sae.d_sae) if k is None else k)


def _budget(sae: SAEConfig, vectors: int, tokens: int | None) -> TrainConfig:
    """How long to train and on how much at a time. A corpus is seen up to fifty times, or until two
    million vectors; a handful of prompts by the study's own forty times, as there."""
    handful, of_study = vectors < CORPUS, sae.traits.of_study
    if tokens is None:
        if of_study:
            tokens = 40 * vectors if handful else vectors
        else:
            tokens = max(vectors, min(2_000_000, 50 * vectors))
    batch = min(1024, max(32, vectors // 16))
    if of_study:
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


def _ours(sae: SAEConfig, training: TrainConfig) -> TrainConfig:
    return msgspec.structs.replace(training, **sae.traits.defaults(sae.d_in, sae.d_sae))


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
            f"The preset {name} is for {join_words(preset.architectures)}, not for"
            f" {sae.architecture}."
        )
    lr = preset.lr_at_16k * ((2**14 / sae.d_sae) ** 0.5 if preset.lr_scales else 1.0)
    warmup = min(0.5, preset.warmup_steps / training.steps)
    return msgspec.structs.replace(training, lr=lr, warmup=warmup, **preset.settings)
