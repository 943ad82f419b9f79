"""Looking closer at features: other examples, relatives, and the search for features.

The session worker answers what needs the model or the SAE's weights (`engine.service.session`), the
daemon everything else.
"""

from typing import Literal

import msgspec

from engine.features.snippets import Snippet
from engine.service.protocol.reply import Reply

Kind = Literal["top", "band", "silent"]


class SnippetList(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Some places of the corpus, for one feature."""

    snippets: list[Snippet]
    low: float = 0.0
    high: float = 0.0
    """The activations at the peaks lie from `low` to `high`."""
    textless: str = ""
    """Why there are none although there could be: a sentence."""


class GetSnippets(Reply[SnippetList], frozen=True, kw_only=True):
    """Examples of a feature: its strongest, those of a quantile, or where it is oddly silent."""

    sae: str
    feature: int
    kind: Kind = "top"
    """`top`: the strongest, one a document. `band`: a random sample of the active tokens between
    two deciles. `silent`: hard negatives, tokens like those of its strongest examples on which it
    is not active."""
    band: int = 9
    """Which tenth of its activations, from 0, the weakest, to 9."""
    radius: int | None = None
    """Tokens on either side; None: as many as the scan kept."""


class Relative(msgspec.Struct, frozen=True, kw_only=True):
    """A feature beside another one."""

    id: int
    label: str
    likeness: float
    """Cosine of the decoder directions, or the Jaccard index of the active tokens."""
    given_this: float | None = None
    """Share of the asked feature's active tokens on which this one is active, too."""
    given_other: float | None = None
    """Share of this one's active tokens on which the asked feature is active, too."""


class Relatives(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The features nearest to one, nearest first."""

    relatives: list[Relative]
    tokens: int = 0
    """Of co-activation: the active tokens that were looked at."""


class GetCoactive(Reply[Relatives], frozen=True, kw_only=True):
    """Which features are active on the same tokens?"""

    sae: str
    feature: int
    most: int = 10


class GetNearest(Reply[Relatives], frozen=True, kw_only=True):
    """Which features of this SAE, or of another of the same site, have the most similar decoder
    directions? A question for a worker."""

    sae: str
    feature: int
    other: str | None = None
    """Another SAE; None: this one."""
    most: int = 10
    device: str = "auto"


class GetDocument(Reply[Snippet], frozen=True, kw_only=True):
    """A whole document with the feature's activation at every token, encoded anew. A question for a
    worker."""

    sae: str
    feature: int
    document: int
    device: str = "auto"


# From a pattern ------------------------------------------------------------------------------


class GrepScore(msgspec.Struct, frozen=True, kw_only=True):
    """How well a feature tells where a pattern matches, in the documents whose codes were kept."""

    id: int
    label: str
    precision: float
    """Share of its active tokens that lie in a match."""
    recall: float
    """Share of the matches in which it is active on some token."""
    f1: float
    active: int
    """Active tokens."""


class GrepReport(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Where a regular expression matches, and which features know it."""

    pattern: str
    matches: int
    matched_tokens: int
    tokens: int
    documents: int
    """What was looked at: the documents whose codes were kept."""
    total_documents: int
    features: list[GrepScore]
    """Best F1 first; with a feature in the request, that feature's alone."""
    hits: list[Snippet] = []
    """With a feature: matches in which it is active, strongest first,"""
    misses: list[Snippet] = []
    """matches in which it is silent,"""
    false_alarms: list[Snippet] = []
    """and places outside of every match in which it is active, strongest first."""


class Grep(Reply[GrepReport], frozen=True, kw_only=True):
    """Where does a regular expression match the corpus, and which features answer there?"""

    sae: str
    pattern: str
    feature: int | None = None
    most: int = 20
    """Features, or snippets of each kind, at most."""
    ignore_case: bool = False


# From a text ---------------------------------------------------------------------------------


class FiringFeature(msgspec.Struct, frozen=True, kw_only=True):
    """A feature that is active in a text."""

    id: int
    label: str
    activations: list[float]
    """At every token."""
    peak: int
    """Index of the token on which it is strongest."""
    attribution: float
    """Σ over tokens of gradient · activation: how much of the chosen token's log-probability the
    feature's activations account for, to first order."""
    effect: float | None = None
    """What ablating it everywhere really does to that log-probability: after minus before. None
    where it was not tried."""
    kl: float | None = None
    """KL(clean ‖ ablated) of the last position's next-token distribution, in nats."""


class Firing(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Which features are active in a text, and which of them matter for what comes next."""

    tokens: list[str]
    target: str
    """The token whose log-probability attributions and effects are about."""
    logp: float
    """Its log-probability after the last token, in nats."""
    features: list[FiringFeature]
    """By |effect| where that was measured, largest first, then by |attribution|."""
    active: int
    """How many features are active anywhere in the text; `features` holds the first of them."""


class FindFiring(Reply[Firing], frozen=True, kw_only=True):
    """Which features fire in this text? A question for a worker."""

    sae: str
    prompt: str
    target: str | None = None
    """The next token to explain; None: the one that the model finds likeliest."""
    ablate: int = 50
    """How many of the strongest by attribution to ablate for real."""
    most: int = 200
    device: str = "auto"


class TextSource(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to read: one prompt, or every document of a file."""

    text: str = ""
    file: str | None = None
    """An absolute path: a prompt file, or a corpus, see `engine.activations.corpus`."""


class Contrasted(msgspec.Struct, frozen=True, kw_only=True):
    """A feature in two texts."""

    id: int
    label: str
    mean_a: float
    """Mean activation over all tokens of the first, silent ones included."""
    mean_b: float
    density_a: float
    density_b: float
    effect: float
    """(mean_a − mean_b) / pooled standard deviation: Cohen's d over tokens."""


class Contrast(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What differs between two texts, feature by feature: largest |mean_a − mean_b| first."""

    tokens_a: int
    tokens_b: int
    features: list[Contrasted]


class FindContrast(Reply[Contrast], frozen=True, kw_only=True):
    """Which features tell one text, or file, from another? A question for a worker."""

    sae: str
    a: TextSource
    b: TextSource
    most: int = 100
    device: str = "auto"
