"""Filters such as `density < 0.001 and max > 5 and label ~ city` (no torch here).

What can be asked about is every column of `engine.features.columns`, each by its kind. Numbers are
compared with `< <= > >= = !=`; 10k and 2M are numbers, too. The category and the texts of a note
are compared with `=` and `!=`, or with `~`, a regular expression whatever the case, and its
opposite, `!~`; texts of the corpus and the vocabulary only with these two. Flags stand by
themselves, and so does a word, or a text in quotes: a regular expression for the label, or the
number of a feature.

`not` or `!` binds closest, then `and`, which may be left out, then `or`; parentheses group.
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import regex
from lark import Token
from lark.exceptions import VisitError
from lark.visitors import Transformer_NonRecursive
from numpy.typing import NDArray

from engine.errors import UserError
from engine.features.columns import Columns, TableColumn, find_column
from engine.features.filter.grammar import column, parse_filter
from engine.features.notes import Note
from engine.features.text.patterns import Pattern, TimedPattern
from engine.progress import SILENT, Progress

FeatureMask = NDArray[np.bool_]
"""[features]: for which features something holds."""


class FeatureTexts(Protocol):
    """Which features have a text that a pattern matches: a method for each column of kind `text`.

    Each raises UserError where there are no such texts.
    """

    def snippet(self, pattern: TimedPattern) -> FeatureMask:
        """The surroundings of the feature's strongest activations."""

    def peak(self, pattern: TimedPattern) -> FeatureMask:
        """The tokens of its strongest activations, or the words that these lie in."""

    def promoted(self, pattern: TimedPattern) -> FeatureMask:
        """The tokens whose logits the feature's direction raises most."""

    def suppressed(self, pattern: TimedPattern) -> FeatureMask:
        """The tokens whose logits it lowers most."""


@dataclass(frozen=True)
class FilterContext:
    """All that a filter can ask about the features of an SAE."""

    columns: Columns
    notes: Mapping[int, Note]
    """Features without a note may be left out."""
    categories: Sequence[str]
    """Names behind the column `category`."""
    texts: FeatureTexts
    progress: Progress = SILENT
    """Called while a regular expression is looked for; what it raises ends the search."""


def filter_mask(text: str, context: FilterContext) -> FeatureMask:
    """[features]: which of them a filter lets through.

    Raises UserError that says at which column the filter can't be read and what may stand there,
    what the features lack that it asks about, or that a regular expression takes too long.
    """
    tree = parse_filter(text)
    try:
        return _Evaluator(context).transform(tree)
    except VisitError as error:
        raise error.orig_exc from error


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_SUFFIXES = {"k": 1e3, "K": 1e3, "M": 1e6}


class _Evaluator(Transformer_NonRecursive[Token, FeatureMask]):
    """Turns each node of a filter into the mask of the features for which it holds."""

    def __init__(self, context: FilterContext) -> None:
        super().__init__()
        self._context = context
        self._features = len(context.columns["max"])

    def either(self, parts: list[FeatureMask]) -> FeatureMask:
        return np.asarray(np.logical_or.reduce(parts))

    def both(self, parts: list[FeatureMask]) -> FeatureMask:
        return np.asarray(np.logical_and.reduce(parts))

    def negation(self, parts: list[FeatureMask]) -> FeatureMask:
        return ~parts[0]

    def number(self, parts: list[Token]) -> FeatureMask:
        field, sign, number = parts
        named = _column_of(field)
        values = np.arange(self._features) if named.kind == "id" else self._values(named, field)
        digits = number.rstrip("kKM")
        bound = float(digits) * _SUFFIXES.get(number[len(digits) :], 1)
        with np.errstate(over="ignore"):  # beyond what a float32 holds is beyond every value
            return np.asarray(_COMPARE[sign](values, bound))

    def text(self, parts: list[Token]) -> FeatureMask:
        field, sign, value = parts
        named = _column_of(field)
        pattern = self._timed(_expression(value) if "~" in sign else _whole_text(value))
        if named.kind == "category":
            mask = self._category_mask(pattern, self._values(named, field))
        elif named.texts is not None:
            mask = self._note_mask(pattern, named.texts)
        else:
            search: Callable[[TimedPattern], FeatureMask]
            search = getattr(self._context.texts, named.name)
            mask = search(pattern)
        return ~mask if sign.startswith("!") else mask

    def flag(self, parts: list[Token]) -> FeatureMask:
        named = _column_of(parts[0])
        if named.compute is not None:
            return np.asarray(named.compute(self._context.columns), np.bool_)
        assert named.texts is not None
        notes = self._context.notes.items()
        return self._mask_of(feature for feature, note in notes if any(named.texts(note)))

    def named(self, parts: list[Token]) -> FeatureMask:
        (value,) = parts
        mask = self._note_mask(self._timed(_expression(value)), lambda note: (note.label,))
        if value.type == "BARE" and value.isdecimal():
            mask |= np.arange(self._features) == float(value)
        return mask

    def _timed(self, pattern: Pattern) -> TimedPattern:
        return TimedPattern(pattern, progress=self._context.progress)

    def _note_mask(
        self, pattern: TimedPattern, texts: Callable[[Note], tuple[str, ...]]
    ) -> FeatureMask:
        """For which features one of some texts of the note matches; no text counts as an empty
        one."""
        empty_matches = pattern.is_in("")
        differ = [
            feature
            for feature, note in self._context.notes.items()
            if any(map(pattern.is_in, texts(note) or ("",))) is not empty_matches
        ]
        return self._mask_of(differ) ^ empty_matches

    def _category_mask(self, pattern: TimedPattern, index: NDArray[Any]) -> FeatureMask:
        # A feature without a category has index -1, which here is the empty name.
        names = [*self._context.categories, ""]
        return np.asarray(np.array([pattern.is_in(name) for name in names])[index])

    def _mask_of(self, features: Iterable[int]) -> FeatureMask:
        mask = np.zeros(self._features, dtype=np.bool_)
        mask[[feature for feature in features if feature < self._features]] = True
        return mask

    def _values(self, named: TableColumn, field: Token) -> NDArray[Any]:
        """The array of a column. Raises UserError where the catalogue has none."""
        if named.name in self._context.columns:
            return np.asarray(self._context.columns[named.name])
        raise UserError(
            f"Column {column(field)}: these features have no {named.name}"
            f"{', because the documents carry no categories' * named.needs_categories}.",
            "" if named.needs_categories else "Scan the SAE again.",
        )


def _column_of(field: Token) -> TableColumn:
    named = find_column(field.lower())
    assert named is not None, "the grammar knows columns alone"
    return named


def _inside(value: Token) -> str:
    """What stands between the quotes, if there are any."""
    return value[1:-1] if value.type == "QUOTED" else str(value)


def _whole_text(value: Token) -> Pattern:
    """A pattern for this text and nothing else."""
    return regex.compile(rf"\A{regex.escape(_inside(value))}\Z")


def _expression(value: Token) -> Pattern:
    """The regular expression that was typed. Raises UserError for one that can't be read."""
    try:
        return regex.compile(_inside(value), regex.IGNORECASE)
    except regex.error as error:
        about: Any = error  # the type stubs know none of its attributes
        at, what = about.pos or 0, about.msg
    except (RecursionError, ValueError) as error:  # nested too deep; flags that exclude each other
        at, what = 0, str(error)
    at = column(value, at + (value.type == "QUOTED"))
    raise UserError(
        f"The regular expression can't be read at column {at}: {what}.",
        r"Signs that are meant as themselves take a backslash: \( \[ \* \+ \? \.",
    )
