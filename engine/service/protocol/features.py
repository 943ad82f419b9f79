"""The features of an SAE, as its catalogue has them."""

import msgspec
from msgspec import UNSET, UnsetType

from engine.features.columns import FIGURES, table_columns
from engine.features.examples.snippets import Snippet
from engine.features.notes import Note
from engine.service.protocol.request import Request


class FeatureTable(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Every feature of an SAE, column by column: small enough to be sent whole.

    A column is the bytes of a little-endian NumPy array of `features` entries.
    """

    sae: str
    activations: str
    features: int
    tokens: int
    """Tokens that the figures are taken over."""
    total_tokens: int = 0
    """Tokens of the set; more than `tokens` while the scan goes on."""
    columns: dict[str, bytes]
    dtypes: dict[str, str]
    """Column name to NumPy dtype: `{"max": "<f4", "documents": "<i4"}`."""
    notes: dict[int, Note]
    """Feature to what the user wrote down about it; features without a note are left out."""
    categories: list[str] = []
    """Names behind the column `category`, where there is one."""


class GetFeatureTable(Request[FeatureTable], frozen=True, kw_only=True):
    """The columns of an SAE's feature catalogue."""

    sae: str


class Matches(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Which features a filter lets through."""

    matching: int
    mask: bytes
    """One bit a feature, the first in the lowest bit of the first byte."""


class MatchFeatures(Request[Matches], frozen=True, kw_only=True):
    """Which features does a filter let through? Its language: `engine.features.filter.filter`."""

    sae: str
    filter: str


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """How often activations of each size occur."""

    edges: list[float]
    """[bins + 1], ascending: bin i holds edges[i] <= activation < edges[i + 1]."""
    counts: list[int]
    """[bins]."""


class CategoryActivity(msgspec.Struct, frozen=True, kw_only=True):
    """How active a feature is in the documents of one category."""

    category: str
    mean: float
    """Mean activation over all its tokens, silent ones included."""
    density: float
    """Share of its tokens on which the feature is active."""


class FeatureDetail(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What is known of one feature. What its figures mean: see `engine.features.columns`."""

    id: int
    max: float
    mean: float
    """Over active tokens."""
    std: float = 0.0
    """Of the activations of active tokens."""
    count: int = 0
    """Tokens on which it is active."""
    density: float
    documents: int
    selectivity: float | None = None
    """How far it prefers one category; None where documents carry no categories."""
    category: str = ""
    """The category it prefers."""
    activity: list[CategoryActivity] = []
    label: str = ""
    tags: tuple[str, ...] = ()
    starred: bool = False
    note: str = ""
    """What was written down about it beside that, see `Note`."""
    histogram: Histogram | None = None
    snippets: list[Snippet] = []
    textless: str = ""
    """Why there are no snippets although the feature is active: a sentence."""
    promoted: list[str] = []
    """Tokens whose logits its direction raises most."""
    suppressed: list[str] = []
    other_figures: dict[str, int | float] | UnsetType = UNSET
    """Figures that have no field here, by the name of their column; absent where there is none."""

    def figures(self) -> dict[str, int | float]:
        """The feature's value in every column of figures that the catalogue has, by its name."""
        names = {column.name for column in table_columns(*FIGURES)}
        values = {name: getattr(self, name) for name in self.__struct_fields__ if name in names}
        others = {} if isinstance(self.other_figures, UnsetType) else self.other_figures
        return {name: value for name, value in values.items() if value is not None} | others


class FeatureList(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Some features in order; `matching` counts all that the filter lets through."""

    features: list[FeatureDetail]
    matching: int
    total: int
    scanned: float = 1.0
    """Share of the set that the figures are taken over: below 1 while the scan goes on."""


class RankFeatures(Request[FeatureList], frozen=True, kw_only=True):
    """The first features by a column, with what is known of each."""

    sae: str
    top: int = 5
    by: str = "max"
    """A column of numbers, such as `max` or `density`, or the seed's `activity`."""
    filter: str = ""
    """A filter, see `engine.features.filter.filter`; empty: all. Only those alive are ranked."""
    snippets: int = 5
    """Snippets per feature."""


class GetFeature(Request[FeatureDetail], frozen=True, kw_only=True):
    """One feature with all its snippets."""

    sae: str
    feature: int
