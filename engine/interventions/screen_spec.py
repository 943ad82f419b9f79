"""A request to clamp many features in turn, and what came of it (no torch here)."""

import msgspec

from engine.interventions.spec import InterventionRequest, Null


class ScreenRequest(InterventionRequest, frozen=True, kw_only=True):
    """Which features to clamp, each by itself, in which texts, and what to measure."""

    features: list[int]
    measure: str = "promoted:10"
    """`kl`, or in the notation of `measure_notation`."""
    times_max: float = 1.0
    """The activation that each is held at, in multiples of its maximum over the scanned text."""
    most_nulls: int = 200


class ScreenedFeature(msgspec.Struct, frozen=True, kw_only=True):
    """What one feature does."""

    feature: int
    value: float
    """Mean over prompts of the measure, edited minus clean."""
    null: Null | None
    """None where nothing alive is like the feature."""
    q: float | None = None
    """The share of false discoveries among all features that are at least as unlikely (Benjamini
    and Hochberg 1995)."""


class Screening(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What each of many features does, the least likely first."""

    sae: str
    measure: str
    unit: str
    prompts: int
    features: list[ScreenedFeature]
