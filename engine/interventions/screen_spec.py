"""A request to clamp many features in turn, and what came of it (no torch here)."""

import msgspec

from engine.interventions.spec import Null, NullKind
from engine.model.dtypes import AUTO
from engine.model.prompt import ChatChoice, Prompt


class ScreenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which features to clamp, each by itself, in which texts, and what to measure."""

    sae: str
    features: list[int]
    prompts: list[str | Prompt]
    prompt_file: str = ""
    """A file of prompts, read when `prompts` is empty."""
    measure: str = "promoted:10"
    """`kl`, or in the notation of `measure_notation`."""
    times_max: float = 1.0
    """The activation that each is held at, in multiples of its maximum over the scanned text."""
    generate: int = 24
    """Tokens that the clean model writes after each prompt, and all read."""
    nulls: int = 20
    """How many are drawn at a time for each feature."""
    null: NullKind = "matched"
    most_nulls: int = 200
    """How many are drawn at most, while p isn't clear."""
    seed: int = 0
    chat: ChatChoice = False
    model: str | None = None
    """The model, if it isn't where the SAE or its scan says that it is."""
    model_dtype: str = AUTO
    quantize: str = AUTO
    """Whether its weights are kept in fewer bits; `auto`: as the activations were made."""
    device_map: str = ""
    """Over which devices it is spread; empty: all of it on one."""


class Screened(msgspec.Struct, frozen=True, kw_only=True):
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
    features: list[Screened]
