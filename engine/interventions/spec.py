"""A request to change features, and the report of what followed (no torch here)."""

from typing import Literal

import msgspec

from engine.features.left_out import LeftOut
from engine.interventions.operations import Unit, find_operation
from engine.model.dtypes import AUTO
from engine.model.prompt import ChatChoice, Prompt

NullKind = Literal["matched", "directions"]
"""Of what a null makes the same edit: of random live features that are alike in density and
maximum, or of random directions, by which every token is moved as far as by the edit."""

View = Literal["model", "reconstruction"]
VIEWS: tuple[View, ...] = ("reconstruction", "model")
"""The seed's own first."""


class FeatureEdit(msgspec.Struct, frozen=True, kw_only=True):
    """One change to one feature's activation z; M is the feature's maximum over a named corpus.

    clamp: z' = value · u; ablate: z' = 0; scale: z' = value · z; add: z' = z + value · u, where
    u is M for the unit `max` and 1 for `absolute`. To add is not to clamp where z is not 0.
    """

    feature: int
    operation: str = "clamp"
    """Name of an `engine.interventions.operations.Operation`."""
    value: float = 0.0
    """Nothing to `ablate`; a bare factor to `scale`."""
    unit: Unit = "absolute"
    """What `value` counts for operations whose value is an activation: `clamp` and `add`."""

    def __post_init__(self) -> None:
        """Raises ValueError for an operation that isn't there; a decoder makes of it its own."""
        find_operation(self.operation)


class InterventionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An SAE in its model, texts, and nulls: what every request to change features names."""

    sae: str
    """Name of the SAE."""
    prompts: list[str | Prompt]
    """Texts, or conversations."""
    prompt_file: str = ""
    """A file of prompts, read when `prompts` is empty; the reproduction line names it."""
    generate: int = 24
    """Tokens that the clean model writes after each prompt, greedily."""
    nulls: int = 20
    """How many nulls to compare with."""
    null: NullKind = "matched"
    """What they are."""
    most_nulls: int = 0
    """More are drawn, `nulls` at a time, until the test over all prompts is clear or there are this
    many; up to `nulls`: none more."""
    seed: int = 0
    """Seeds the choice of nulls."""
    chat: ChatChoice = False
    """Put each prompt into the tokenizer's chat template."""
    model: str | None = None
    """The model, if it isn't where the SAE or its scan says that it is; None: as they say."""
    model_dtype: str = AUTO
    """What it computes in; `auto`: what it did when the SAE's activations were made."""
    quantize: str = AUTO
    """What its weights are kept in; `auto`: what they were then."""
    device_map: str = ""
    """How it is spread over several devices; empty: it is on one."""


class ClampRequest(InterventionRequest, frozen=True, kw_only=True):
    """Which features to change, in which texts, and how to look at what follows."""

    edits: list[FeatureEdit]
    """All applied at once."""
    view: View = "model"
    """`model`: edit inside the running model; `reconstruction`: decode twice and compare."""
    positions: tuple[int, int | None] = (0, None)
    """First edited position and the one after the last (None: to the end of the generated text)."""
    measures: list[str] = []
    """What is measured beside KL, in the notation of `measure_notation`. The first one's test says
    when enough nulls were drawn; without any, that of KL."""
    strengths: list[float] = []
    """Draw a curve, too: the same edits with each of these in place of their values, as multiples
    of the maximum where a value is an activation, and as they are where it is a factor."""


class DimensionShift(msgspec.Struct, frozen=True, kw_only=True):
    """How far one hidden dimension moved at one token."""

    token: int
    """Position of the token in its text, from 0."""
    dim: int
    """Hidden dimension, from 0 to d_model - 1."""
    delta: float
    """Edited minus baseline."""


class DimensionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How far one hidden dimension moved over all tokens of a text."""

    dim: int
    mean_delta: float
    """Mean over tokens of edited minus baseline."""
    mean_abs_delta: float
    max_abs_delta: float


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """How far an edit moved activations [tokens, d_model]; figures are over all of them."""

    mean_abs_diff: float
    max_abs_diff: float
    top_dims: list[DimensionShift]
    """The five largest by |delta|, largest first."""
    dimensions: list[DimensionSummary]
    """The five hidden dimensions with the largest `mean_abs_delta`, largest first."""


class ReconstructedPrompt(Shift, frozen=True, kw_only=True):
    """The seed's experiment on one prompt: decode with and without the edit."""

    prompt: str
    tokens: list[str]
    """Text of each token."""
    left_out: list[LeftOut] = []
    """Which of `tokens` were asked for, and are not edited."""


BY_CONSTRUCTION = (
    "With a linear decoder an edit moves every token along the same direction, W_dec[feature], so "
    "the same dimensions come top on every prompt for any feature: this is so by construction and "
    "says nothing about what the feature means."
)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What both views tell of the edit itself."""

    feature: int
    """The first edited feature; `edits` has all."""
    operation: str
    """Name of the first edit's operation."""
    edits: list[FeatureEdit]
    maxima: list[float]
    """M of each edited feature over `corpus`."""
    corpus: str
    """The activation set that M was measured on."""
    warnings: list[str]
    """What to know before believing the rest."""
    reproduce: str
    """The command that repeats it."""
    model: str = ""
    """The model that it was made in; empty, as are the next, in reports of earlier versions."""
    model_dtype: str = ""
    """What the model computed in."""
    quantisation: str = ""
    """What its weights were stored in, such as Q4_1 of a GGUF file, or int8."""
    chat_template: str = ""
    """The name of the chat template that prompts were put into; empty: into none."""


class ReconstructionReport(Report, frozen=True, kw_only=True, tag=True):
    """What an edit does to the SAE's reconstruction; nothing is run through the model."""

    view: Literal["reconstruction"] = "reconstruction"
    prompts: list[ReconstructedPrompt]
    note: str = BY_CONSTRUCTION


class NextToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token's log-probability (natural) as the first token after the prompt."""

    token: str
    logp_before: float
    logp_after: float


class Null(msgspec.Struct, frozen=True, kw_only=True):
    """A measure under the same operation on what the request names as nulls."""

    n: int
    mean: float
    low: float
    """5 % quantile of the n values, interpolated linearly."""
    high: float
    """95 % quantile."""
    p: float
    """(1 + number of nulls at least as far from 0 as the edit) / (n + 1): the empirical p-value, in
    both directions where a measure has two."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What one measure says of an edit on one prompt, teacher-forced: means over its tokens."""

    measure: str
    """`kl`, or in the notation of `measure_notation`."""
    unit: str
    before: float
    """Of the clean model; 0 where the measure is itself a difference."""
    after: float
    """Of the edited model."""
    value: float
    """after - before."""
    flipped: float | None
    """`value` had the edit moved every token the opposite way; None, as the next, where no nulls
    were asked for."""
    where_silent: float | None
    """`value` had the edit been made only where the feature isn't active."""
    null: Null | None
    """None when no nulls were asked for or none could be matched."""


class PooledEffect(msgspec.Struct, frozen=True, kw_only=True):
    """One measure over all prompts: a single test of an edit.

    The mean over prompts of the edit's effects, beside the means over the same prompts of each
    null's; so prompts may depend on one another.
    """

    measure: str
    unit: str
    value: float
    """Mean over prompts."""
    prompts: int
    null: Null | None
    stopped_early: bool = False
    """Whether nulls were drawn until ten of them were at least as far from 0 as the edit, and no
    further: then p is ten by the number that it took (Besag and Clifford 1991)."""


class EditedPrompt(Shift, frozen=True, kw_only=True):
    """What an edit inside the model did on one prompt.

    KL and the shift are teacher-forced: the clean and the edited model read the same tokens, the
    prompt and the clean model's own continuation. The shift is at the edited site. Sinks are left
    out of means over positions.
    """

    prompt: str
    tokens: list[str]
    """Text of each token that was read."""
    prompt_tokens: int
    """How many of `tokens` belong to the prompt."""
    edited_tokens: int
    """How many of `tokens` lie where the edit applies."""
    left_out: list[LeftOut] = []
    """Which of `tokens` were asked for, and are not edited."""
    kl: float
    """Mean of `kl_per_position` over all tokens but sinks, in nats."""
    kl_per_position: list[float]
    """KL(clean ‖ edited) of the next-token distributions after each token, in nats."""
    delta_ce: float | None
    """Cross-entropy on the prompt's own tokens, edited minus clean, in nats a token; None for a
    prompt of a single token, where nothing is predicted."""
    relative_norm: float
    """Mean of ‖Δ‖ / ‖x‖ over edited positions, x being what was at the edited site."""
    next_token: list[NextToken]
    """The likeliest tokens after the prompt, before and after the edit, likeliest before first."""
    baseline_text: str
    """The clean model's greedy continuation."""
    edited_text: str
    """The edited model's greedy continuation."""
    divergence: int | None
    """Index of the first generated token that differs; None if none does."""
    null: Null | None
    """That of KL. None when no nulls were asked for or none could be matched."""
    effects: list[Effect] = []
    """KL and the measures that were asked for, in this order."""


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """Measured on every prompt, every time; true when true on all."""

    no_op: bool
    """An edit of the same features that scales them by 1 gives bit-identical logits."""
    hf_identical: bool
    """Logits without edits are bit-identical to the transformers model's own."""
    error_kept: bool
    """The edit moved x by decode(z') - decode(z) and by nothing else, but for rounding."""
    error_kept_deviation: float
    """Largest |(x' - x) - Δ| of any token, divided by the largest |x| + |Δ| of the same token."""
    bos_masked: bool | None
    """BOS, and what else the tokenizer puts before a text, was masked and not moved; None: nothing
    stands before the prompts."""
    sinks_masked: bool | None = None
    """Attention sinks were masked and not moved either; None: there are none in the prompts and
    continuations."""


class CurveMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """One measure along a curve, over all prompts; a number for each of the curve's strengths."""

    measure: str
    unit: str
    values: list[float]
    """Means over prompts."""
    low: list[float]
    """5 % quantiles of the nulls' means at the same strength; none without nulls."""
    high: list[float]
    """95 % quantiles."""
    onset: float | None
    """The smallest strength above 0 at which the effect is further from 0 than every null's at the
    same strength; None if there is none, or no null."""


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """The same edit at several strengths, on the same prompts."""

    strengths: list[float]
    """Ascending: multiples of the maximum, or factors."""
    nulls: int
    """How many there are at each strength."""
    measures: list[CurveMeasure]
    """Those of the report, in its order."""
    texts: list[list[str]]
    """What the edited model writes: of each strength, of each prompt; empty where nothing is
    written."""
    quality: list[float]
    """Of each strength: log p per token of what is written, under the clean model, in nats; a mean
    over prompts. As many as `texts`."""
    clean_quality: float | None
    """The same of what the clean model writes."""
    breaking: float | None
    """The smallest strength above 0 at which the quality is `BREAKING` nats below that of the clean
    model's text; None if there is none."""


BREAKING = 2.0
"""Nats a token. The bound is ours: such a text is 7 times less likely with every token."""


class ModelReport(Report, frozen=True, kw_only=True, tag=True):
    """What an edit inside the running model does, with the reconstruction error kept."""

    view: Literal["model"] = "model"
    site: str
    """Where the edit is made."""
    read_site: str = ""
    """For a transcoder: the site that it reads."""
    prompts: list[EditedPrompt]
    null_features: list[list[int]]
    """The features of each null, one for each edit; none where nulls are directions."""
    checks: Checks
    pooled: list[PooledEffect] = []
    """Each measure over all prompts; none in reports of earlier versions."""
    curve: Curve | None = None
    """Where the request names strengths."""


ClampReport = ModelReport | ReconstructionReport
