"""What a search for features finds (no torch here).

Whoever finds features knows them by their numbers; the daemon, which has the labels, writes those
in.
"""

from typing import Literal

import msgspec

from engine.features.left_out import LeftOut
from engine.figures import Figure

FiringOrder = Literal["effect", "activation"]
"""`effect`: by |effect| where that was measured, largest first, then by |attribution|.
`activation`: by the largest activation."""


class Relative(msgspec.Struct, frozen=True, kw_only=True):
    """A feature beside another one."""

    id: int
    label: str = ""
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
    warnings: list[str] = []
    """What to know before believing the rest."""


class FiringFeature(msgspec.Struct, frozen=True, kw_only=True):
    """A feature that is active in a text."""

    id: int
    label: str = ""
    activations: list[float]
    """At every token; 0 where it is not active."""
    peak: int
    """Index of the token on which it is strongest."""
    attribution: float
    """What ablating it everywhere would do to the log-probability of the chosen token, to first
    order, in nats: `effect` estimated from the gradient, −Σ over tokens of gradient · activation.
    Below 0 for a feature that speaks for the token."""
    effect: float | None = None
    """What ablating it everywhere really does to that log-probability, in nats: after minus before.
    None where it was not tried."""
    kl: float | None = None
    """KL(clean ‖ ablated) of the last position's next-token distribution, in nats."""


class Firing(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Which features are active in a text, and which of them matter for what comes next."""

    tokens: list[str]
    special: list[int] = []
    """Indices of the special tokens among them, such as BOS and those of a chat template."""
    target: str
    """The token whose log-probability attributions and effects are about."""
    logp: float
    """The log-probability of `target` after the last token, in nats."""
    features: list[FiringFeature]
    """In the `FiringOrder` that was asked for."""
    active: int
    """How many features are active anywhere in the text; `features` holds the first of them."""
    left_out: list[LeftOut] = []
    """Tokens that were not looked at."""


class ContrastedFeature(msgspec.Struct, frozen=True, kw_only=True):
    """A feature in two texts."""

    id: int
    label: str = ""
    mean_a: float
    """Mean activation over all tokens of the first, silent ones included."""
    mean_b: float
    density_a: float
    """Share of the first's tokens on which it is active."""
    density_b: float
    effect: float
    """(mean_a − mean_b) / pooled standard deviation: Cohen's d over tokens. Infinite, in JSON null,
    where the means differ and nothing varies."""
    p: Figure = None
    """How likely it is that means as far apart come of the same documents dealt out at random; None
    where a side is a single document, of which nothing can be told apart from chance."""
    q: Figure = None
    """The share of false discoveries among all features that are at least as unlikely (Benjamini
    and Hochberg 1995)."""


class Contrast(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What differs between two texts, or sets of them, feature by feature.

    Smallest q first where chance was asked, of equals the largest |effect|; else the largest
    |mean_a − mean_b|.
    """

    tokens_a: int
    tokens_b: int
    documents_a: int = 1
    """Those with a token that counts."""
    documents_b: int = 1
    features: list[ContrastedFeature]
    tested: int = 0
    """Features that q is a share of: all that are active in either; 0: chance was not asked."""
    significant: int = 0
    """How many of these have a q of at most 0.05."""
