"""The columns of a feature table: what is known of every feature, each under one name (torch-free).

A new column is an entry here and the collector that computes it (`engine.features.scan.collect`),
which writes the array `columns/NAME` of the catalogue. From the entry follow the filter language
(`engine.features.filter`), the orders (`engine.features.catalogue.rank`, `--by`), the app's table,
what is exported, and what is shown of one feature.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import join_words
from engine.features.notes import Note

if TYPE_CHECKING:  # a front end reads the names without NumPy
    from numpy.typing import NDArray

Kind = Literal["id", "number", "count", "share", "order", "category", "note", "text", "flag"]
"""What a column holds:

| kind | for each feature | in a filter |
|---|---|---|
| `id` | its number | compared as a number |
| `number`, `count`, `share` | an array of the catalogue: any figure; how many; 0 to 1 | so, too |
| `order` | worked out of the other arrays | – (features are only put in order by it) |
| `category` | an index into the catalogue's names of categories, -1 for none | compared as a text |
| `note` | texts that the user wrote down | so, too |
| `text` | texts of the corpus and the vocabulary | searched for a pattern |
| `flag` | yes or no | stands by itself |
"""

FIGURES: tuple[Kind, ...] = ("number", "count", "share")
"""Kinds whose values are an array [features] of the catalogue, under `columns/NAME`."""

Columns = Mapping[str, "NDArray[Any]"]
"""Column name to array [features], as in `Catalogue.columns`."""


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """One column: its name, what it means, and how it is written in tables."""

    name: str
    """In filters, `--by`, JSON and files."""
    meaning: str
    """A sentence that says what a value is."""
    kind: Kind
    aliases: tuple[str, ...] = ()
    """Other names for it in filters."""
    heading: str = ""
    """What stands above it in a table, where that is shorter than the name."""
    importance: int = 0
    """In a table that has no room for all, the columns with the largest stay. What holds texts of a
    note is in tables only where this is above 0."""
    decimals: int = 0
    """At least so many in tables."""
    needs_categories: bool = False
    """Whether only a catalogue of documents with categories has it."""
    compute: Callable[[Columns], "NDArray[Any]"] | None = None
    """Of an `order` and some flags: the values [features], from the catalogue's arrays."""
    texts: Callable[[Note], tuple[str, ...]] | None = None
    """Of a `note` and other flags: what of the user's note it is; a flag holds where there is any
    text."""

    @property
    def title(self) -> str:
        """What stands above it in a table."""
        return self.heading or self.name

    @property
    def largest_first(self) -> bool:
        """Whether it is looked through from its largest value, not from its beginning."""
        return self.kind in FIGURES

    @property
    def in_tables(self) -> bool:
        """Whether it is a column of the table of all features."""
        return self.kind in ("id", "category", *FIGURES) or self.importance > 0


_columns: dict[str, TableColumn] = {}


def register(column: TableColumn) -> TableColumn:
    """Add a column to the feature table, behind the others; one of the same name is replaced."""
    _columns[column.name] = column
    return column


def unregister(name: str) -> None:
    """Take a column out of the feature table."""
    del _columns[name]


def table_columns(*kinds: Kind) -> tuple[TableColumn, ...]:
    """All columns, or those of some kinds, in the order in which tables have them."""
    return tuple(column for column in _columns.values() if not kinds or column.kind in kinds)


def find_column(name: str) -> TableColumn | None:
    """The column that has this name or alias; None if there is none."""
    return next((c for c in _columns.values() if name in (c.name, *c.aliases)), None)


def order_names() -> list[str]:
    """The columns that features can be put in order by."""
    return [column.name for column in table_columns(*FIGURES, "order")]


def filter_help() -> str:
    """What can be asked in a filter, in a few sentences."""
    notes = [c.name for c in table_columns("category", "note")]
    searched = [c.name for c in table_columns("text")]
    return (
        f"Numbers are {join_words(c.name for c in table_columns('id', *FIGURES))}, compared with"
        f" < <= > >= = and !=. Texts are {join_words([*notes, *searched])}, compared with ~, a"
        f" regular expression, and its opposite !~, {join_words(notes)} with = and !=, too. Flags"
        f" are {join_words(c.name for c in table_columns('flag'))}. A word by itself is looked for"
        " in labels. There are not, and, or and parentheses."
    )


for _column in (
    TableColumn(name="id", kind="id", importance=12, meaning="The feature's number, from 0."),
    TableColumn(
        name="max", kind="number", importance=10, meaning="Its largest activation in the corpus."
    ),
    TableColumn(
        name="mean",
        kind="number",
        importance=6,
        meaning="The mean of its activations over the tokens on which it is active.",
    ),
    TableColumn(
        name="std",
        kind="number",
        importance=2,
        meaning="The standard deviation of its activations over the tokens on which it is active.",
    ),
    TableColumn(
        name="density",
        kind="share",
        importance=8,
        decimals=4,  # one token in ten thousand still shows
        meaning="The share of all tokens on which it is active.",
    ),
    TableColumn(
        name="count", kind="count", importance=1, meaning="The tokens on which it is active."
    ),
    TableColumn(
        name="documents",
        kind="count",
        aliases=("docs",),
        heading="docs",
        importance=7,
        meaning="The distinct documents in which it is active.",
    ),
    TableColumn(
        name="selectivity",
        kind="number",
        heading="select",
        importance=3,
        needs_categories=True,
        meaning="How far it prefers one category: 0 for none, 1 where it is active in one alone.",
    ),
    TableColumn(
        name="activity",
        kind="order",
        compute=lambda columns: columns["mean"] * columns["density"],
        meaning="The mean of its activations over all tokens: the seed's own ranking.",
    ),
    TableColumn(
        name="category",
        kind="category",
        importance=4,
        needs_categories=True,
        meaning="The category of documents in which it is most active.",
    ),
    TableColumn(
        name="starred",
        kind="flag",
        heading="★",
        importance=9,
        texts=lambda note: ("★",) if note.starred else (),
        meaning="Whether the user put a star on it.",
    ),
    TableColumn(
        name="tag",
        kind="note",
        heading="tags",
        importance=5,
        texts=lambda note: note.tags,
        meaning="The words by which the user finds it.",
    ),
    TableColumn(
        name="label",
        kind="note",
        importance=11,
        texts=lambda note: (note.label,),
        meaning="What it answers to, in the user's words.",
    ),
    TableColumn(
        name="note",
        kind="note",
        texts=lambda note: (note.text,),
        meaning="Anything longer that the user wrote down.",
    ),
    TableColumn(
        name="snippet",
        kind="text",
        meaning="The text around each of its strongest activations.",
    ),
    TableColumn(
        name="peak",
        kind="text",
        meaning="The token, or the word, at each of its strongest activations.",
    ),
    TableColumn(
        name="promoted",
        kind="text",
        meaning="The tokens whose logits its direction raises most.",
    ),
    TableColumn(
        name="suppressed",
        kind="text",
        meaning="The tokens whose logits its direction lowers most.",
    ),
    TableColumn(
        name="labelled",
        kind="flag",
        aliases=("labeled",),
        texts=lambda note: (note.label,),
        meaning="Whether it has a label.",
    ),
    TableColumn(
        name="tagged", kind="flag", texts=lambda note: note.tags, meaning="Whether it has a tag."
    ),
    TableColumn(
        name="alive",
        kind="flag",
        compute=lambda columns: columns["density"] > 0,
        meaning="Whether it is ever active.",
    ),
):
    register(_column)
