"""What one needs to know about each architecture without building one. Torch-free.

An architecture is one file in `engine/sae/architectures`, with its class, and one
`register(Traits(…))` here. Flags, form fields, help texts, recipes, checks and estimates of memory
all follow from its traits.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from engine.errors import UserError


class Words(msgspec.Struct, frozen=True):
    """How an architecture speaks of one setting of a training."""

    label: str
    """Its short name in forms and messages."""
    help: str
    """One sentence: what the setting is to this architecture."""


Defaults = Callable[[int, int], Mapping[str, Any]]
"""From the widths d_in and d_sae to good values for fields of `engine.sae.config.TrainConfig`."""


def no_defaults(d_in: int, d_sae: int) -> Mapping[str, Any]:
    """Leave every field of `TrainConfig` at its default."""
    return {}


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """One architecture, as everybody sees it who doesn't compute with it."""

    name: str
    """What users type and files hold."""
    implementation: str
    """Its class, a `SparseAutoencoder`, as `module:Class`. It is imported when one is built."""
    keeps: str
    """Which features stay active, as the end of a sentence: it keeps …"""
    minimises: str = ""
    """What training minimises beside the squared error; empty for nothing."""
    source: str
    """Who published it."""
    settings: Mapping[str, Words] = {}
    """The settings that not every architecture has, by their names in `engine.jobs`' `Train` (k,
    l1). A name that is also a field of `SAEConfig` or `TrainConfig` fills that field."""
    aims_at_k: bool = False
    """Whether a given k is an L0 to aim at, which fills `TrainConfig.target_l0`, rather than a
    number of features that is always kept, which fills `SAEConfig.k`."""
    grouped: bool = False
    """Whether its features come in groups, which fill `SAEConfig.groups`."""
    one_threshold: bool = False
    """Whether it is saved as a jumprelu with the same threshold for every feature, since it chooses
    among a whole batch in training."""
    linear: bool = True
    """Whether it is built on `engine.sae.architectures.linear`: one encoder matrix, with a row for
    each feature, and training steps that touch active features alone. Only such an architecture
    makes transcoders, reads layer-normalised vectors, and has features that several devices can
    share."""
    of_study: bool = False
    """Whether it is one of the study's own, which are as wide and trained as long as there."""
    loss_terms: tuple[str, ...] = ()
    """What a training reports its loss to be made of, beside the squared error."""
    defaults: Defaults = no_defaults
    """The settings that were measured best."""

    @property
    def keeps_k(self) -> bool:
        """Whether it keeps `SAEConfig.k` features per token, each time or in the mean."""
        return "k" in self.settings and not self.aims_at_k


_REGISTERED: dict[str, Traits] = {}

ARCHITECTURES: Mapping[str, Traits] = MappingProxyType(_REGISTERED)
"""All architectures by name, in the order in which they are offered."""


def register(traits: Traits) -> None:
    """Add an architecture. ValueError where its name is taken."""
    if traits.name in _REGISTERED:
        raise ValueError(f"there is an architecture {traits.name} already")
    _REGISTERED[traits.name] = traits


def traits_of(architecture: str) -> Traits:
    """The traits of the architecture of that name. UserError if there is none."""
    if architecture not in _REGISTERED:
        raise UserError(
            f"There is no architecture {architecture!r}.",
            f"Choose one of {', '.join(_REGISTERED)}.",
        )
    return _REGISTERED[architecture]


def takers(setting: str) -> dict[str, Words]:
    """The architectures that have a setting, each with its words for it."""
    return {
        traits.name: traits.settings[setting]
        for traits in _REGISTERED.values()
        if setting in traits.settings
    }


def label(setting: str) -> str:
    """What most architectures call a setting: the label of the first that has it."""
    return next((words.label for words in takers(setting).values()), setting)


_K = Words("k", "Active features per token.")
_TARGET_L0 = Words("L0", "Active features per token to aim at.")
_L1 = Words("L1 penalty", "Weight of the sparsity penalty: more of it, fewer active features.")


def _rate(d_in: int, d_sae: int) -> float:
    """The learning rate that was measured best for topk: it goes with 1/√(features · dimensions).
    A larger one explains hardly more, and leaves features dead: `engine.sae.architectures.topk` has
    the figures."""
    return min(5e-3, 2.4e-3 * math.sqrt(2**14 / d_sae * 2**7 / d_in))


def _counting(d_in: int, d_sae: int) -> Mapping[str, Any]:
    """What this is worth was measured: see `engine.sae.architectures.topk`."""
    return {"lr": _rate(d_in, d_sae), "decay": 0.5, "aux": 1 / 32}


def _aiming(d_in: int, d_sae: int) -> Mapping[str, Any]:
    return {**_counting(d_in, d_sae), "warmup": 0.02, "sparsity_warmup": 0.3}


def _penalised(d_in: int, d_sae: int) -> Mapping[str, Any]:
    return {
        "lr": _rate(d_in, d_sae),
        "warmup": 0.02,
        "decay": 0.5,
        # acts are as long as activations, which the trainer makes √d_in long
        "l1": 0.15 * math.sqrt(d_in),
        "sparsity_warmup": 0.05,
    }


def _study_basic(d_in: int, d_sae: int) -> Mapping[str, Any]:
    return {"l1": 1e-3}


def _study_optimised(d_in: int, d_sae: int) -> Mapping[str, Any]:
    return {"l1": 1e-4, "schedule": "plateau", "patience": 1}


register(
    Traits(
        name="topk",
        implementation="engine.sae.architectures.topk:TopK",
        keeps="the k largest of each token",
        source="Gao et al. 2024",
        settings={"k": _K},
        loss_terms=("aux",),
        defaults=_counting,
    )
)
register(
    Traits(
        name="batchtopk",
        implementation="engine.sae.architectures.batchtopk:BatchTopK",
        keeps="the k · batch largest of a batch; a threshold at inference",
        source="Bussmann et al. 2024",
        settings={"k": _K},
        one_threshold=True,
        loss_terms=("aux",),
        defaults=_counting,
    )
)
register(
    Traits(
        name="matryoshka",
        implementation="engine.sae.architectures.matryoshka:Matryoshka",
        keeps="the k · batch largest of a batch; a threshold at inference",
        minimises="the errors of nested groups of features",
        source="Bussmann et al. 2025",
        settings={"k": _K},
        grouped=True,
        one_threshold=True,
        loss_terms=("aux",),
        defaults=_counting,
    )
)
register(
    Traits(
        name="jumprelu",
        implementation="engine.sae.architectures.jumprelu:JumpReLU",
        keeps="what exceeds each feature's threshold",
        minimises="the distance from an L0, --k",
        source="Rajamanoharan et al. 2024",
        settings={"k": _TARGET_L0},
        aims_at_k=True,
        loss_terms=("sparsity", "aux"),
        defaults=_aiming,
    )
)
register(
    Traits(
        name="gated",
        implementation="engine.sae.architectures.gated:Gated",
        keeps="what a gate lets through",
        minimises="L1 of the gates",
        source="Rajamanoharan et al. 2024",
        settings={"l1": _L1},
        loss_terms=("sparsity", "aux"),
        defaults=_penalised,
    )
)
register(
    Traits(
        name="relu",
        implementation="engine.sae.architectures.relu:ReLU",
        keeps="all above 0",
        minimises="L1, weighted by decoder norms",
        source="Anthropic 2024",
        settings={"l1": _L1},
        loss_terms=("sparsity", "aux"),
        defaults=_penalised,
    )
)
register(
    Traits(
        name="seed-basic",
        implementation="engine.sae.architectures.seed:SeedBasic",
        keeps="nearly everything",
        minimises="L1",
        source="the study",
        settings={"l1": _L1},
        linear=False,
        of_study=True,
        defaults=_study_basic,
    )
)
register(
    Traits(
        name="seed-optimised",
        implementation="engine.sae.architectures.seed:SeedOptimised",
        keeps="nearly everything",
        minimises="L1",
        source="the study",
        settings={"l1": _L1},
        linear=False,
        of_study=True,
        defaults=_study_optimised,
    )
)
