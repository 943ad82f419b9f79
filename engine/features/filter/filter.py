"""Filters such as `density < 0.001 and max > 5 and label ~ city` (no torch here).

Numbers are `id`, `max`, `mean`, `std`, `density`, `count`, `documents` and `selectivity`, compared
with `< <= > >= = !=`; 10k and 2M are numbers, too. Texts are `label`, `category`, `tag` and `note`,
compared with `=` and `!=`, or with `~`, a regular expression whatever the case, and its opposite,
`!~`. Only with these two are compared `snippet` (any of a feature's top examples), `peak` (the
token or word in the middle of any) and `promoted` and `suppressed` (any of the tokens whose logits
it moves most). `starred`, `labelled`, `tagged` and `alive` stand by themselves, and so does a word,
or a text in quotes: a regular expression for the label, or the number of a feature.

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
from engine.features.catalogue.rank import Columns
from engine.features.filter.grammar import ALIASES, column, parsed
from engine.features.notes import Note
from engine.features.text.patterns import Pattern, Stopwatch
from engine.progress import SILENT, Progress

Mask = NDArray[np.bool_]
"""[features]: for which features something holds."""


class Texts(Protocol):
    """Texts that belong to features: for which any of theirs matches the pattern of a stopwatch.

    Each raises UserError where there are no such texts.
    """

    def snippet(self, stopwatch: Stopwatch) -> Mask:
        """The surroundings of the feature's strongest activations."""

    def peak(self, stopwatch: Stopwatch) -> Mask:
        """The tokens of its strongest activations, or the words that these lie in."""

    def promoted(self, stopwatch: Stopwatch) -> Mask:
        """The tokens whose logits the feature's direction raises most."""

    def suppressed(self, stopwatch: Stopwatch) -> Mask:
        """Those that it lowers most."""


@dataclass(frozen=True)
class Subject:
    """All that a filter may ask about the features of an SAE."""

    columns: Columns
    notes: Mapping[int, Note]
    """Features without a note may be left out."""
    categories: Sequence[str]
    """Names behind the column `category`."""
    texts: Texts
    progress: Progress = SILENT
    """Asked, while a regular expression is looked for, whether to go on."""


def matching(text: str, subject: Subject) -> Mask:
    """Which features a filter lets through.

    Raises UserError that says at which column the filter can't be read and what may stand there,
    what the features lack that it asks about, or that a regular expression takes too long.
    """
    tree = parsed(text)
    try:
        return _Evaluate(subject).transform(tree)
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


class _Evaluate(Transformer_NonRecursive[Token, Mask]):
    """Turns each node of a filter into the mask of the features for which it holds."""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self._subject = subject
        self._features = len(subject.columns["max"])

    def either(self, parts: list[Mask]) -> Mask:
        return np.asarray(np.logical_or.reduce(parts))

    def both(self, parts: list[Mask]) -> Mask:
        return np.asarray(np.logical_and.reduce(parts))

    def negation(self, parts: list[Mask]) -> Mask:
        return ~parts[0]

    def number(self, parts: list[Token]) -> Mask:
        field, sign, number = parts
        name = _name(field)
        values = np.arange(self._features) if name == "id" else self._column(name, field)
        digits = number.rstrip("kKM")
        bound = float(digits) * _SUFFIXES.get(number[len(digits) :], 1)
        with np.errstate(over="ignore"):  # beyond what a float32 holds is beyond every value
            return np.asarray(_COMPARE[sign](values, bound))

    def text(self, parts: list[Token]) -> Mask:
        field, sign, value = parts
        stopwatch = self._stopwatch(_pattern(value) if "~" in sign else _exactly(value))
        match _name(field):
            case "category":
                mask = self._in_category(stopwatch, field)
            case "label" | "note" | "tag" as name:
                mask = self._noted(stopwatch, name)
            case name:
                search: Callable[[Stopwatch], Mask] = getattr(self._subject.texts, name)
                mask = search(stopwatch)
        return ~mask if sign.startswith("!") else mask

    def flag(self, parts: list[Token]) -> Mask:
        notes = self._subject.notes.items()
        match _name(parts[0]):
            case "starred":
                return self._those(feature for feature, note in notes if note.starred)
            case "labelled":
                return self._those(feature for feature, note in notes if note.label)
            case "tagged":
                return self._those(feature for feature, note in notes if note.tags)
        return np.asarray(self._column("density", parts[0]) > 0)

    def named(self, parts: list[Token]) -> Mask:
        (value,) = parts
        mask = self._noted(self._stopwatch(_pattern(value)), "label")
        if value.type == "BARE" and value.isdecimal():
            mask |= np.arange(self._features) == float(value)
        return mask

    def _stopwatch(self, pattern: Pattern) -> Stopwatch:
        return Stopwatch(pattern, progress=self._subject.progress)

    def _noted(self, stopwatch: Stopwatch, part: str) -> Mask:
        """For which features a part of the note matches; one that is not there is empty."""
        found = stopwatch.found("")
        differ = []
        for feature, note in self._subject.notes.items():
            texts = {"label": (note.label,), "note": (note.text,), "tag": note.tags or ("",)}[part]
            if any(map(stopwatch.found, texts)) is not found:
                differ.append(feature)
        return self._those(differ) ^ found

    def _in_category(self, stopwatch: Stopwatch, field: Token) -> Mask:
        # A feature without a category has index -1, which here is the empty name.
        names = [*self._subject.categories, ""]
        holds = np.array([stopwatch.found(name) for name in names])
        return np.asarray(holds[self._column("category", field)])

    def _those(self, features: Iterable[int]) -> Mask:
        mask = np.zeros(self._features, dtype=np.bool_)
        mask[[feature for feature in features if feature < self._features]] = True
        return mask

    def _column(self, name: str, field: Token) -> NDArray[Any]:
        if name in self._subject.columns:
            return np.asarray(self._subject.columns[name])
        where = f"Column {column(field)}: these features have no {name}"
        if name in ("selectivity", "category"):
            raise UserError(f"{where}, because the documents carry no categories.")
        raise UserError(f"{where}.", "Scan the SAE again.")


def _name(field: Token) -> str:
    name = field.lower()
    return ALIASES.get(name, name)


def _inside(value: Token) -> str:
    return value[1:-1] if value.type == "QUOTED" else str(value)


def _exactly(value: Token) -> Pattern:
    return regex.compile(rf"\A{regex.escape(_inside(value))}\Z")


def _pattern(value: Token) -> Pattern:
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
