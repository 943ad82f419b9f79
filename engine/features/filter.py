"""Filters such as `density < 0.001 and max > 5 and label ~ city` (no torch here).

Numbers are compared with `< <= > >= = !=`. Texts, which are `label` and `category`, are compared
with `=` and `!=`, or with `~`: contains, whatever the case. A text of several words is quoted.
`not` binds closest, then `and`, then `or`; parentheses group.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken
from lark.exceptions import UnexpectedInput, VisitError
from numpy.typing import NDArray

from engine.errors import UserError
from engine.features.rank import Columns

LONGEST = 500
"""Characters in a filter, so that nothing typed or pasted can nest too deep to evaluate."""

Mask = NDArray[np.bool_]

_GRAMMAR = r"""
?either: both ("or"i both)*        -> either
?both: negation ("and"i negation)* -> both
?negation: "not"i negation         -> negation
         | "(" either ")"
         | NUMBER_FIELD (ORDER | EQUALITY) NUMBER    -> compare_number
         | TEXT_FIELD (EQUALITY | CONTAINS) (WORD | QUOTED) -> compare_text

NUMBER_FIELD: /(id|max|mean|density|documents|selectivity)\b/i
TEXT_FIELD: /(label|category)\b/i
ORDER: "<=" | ">=" | "<" | ">"
EQUALITY: "==" | "=" | "!="
CONTAINS: "~"
NUMBER: /[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?/i
QUOTED: /"[^"]*"|'[^']*'/
WORD: /[^\s()"']+/

%ignore /\s+/
"""

_EXPECTED = {
    "NUMBER_FIELD": ("id", "max", "mean", "density", "documents", "selectivity"),
    "TEXT_FIELD": ("label", "category"),
    "NOT": ("'not'",),
    "LPAR": ("'('",),
    "RPAR": ("')'",),
    "AND": ("'and'",),
    "OR": ("'or'",),
    "ORDER": ("'<'", "'<='", "'>'", "'>='"),
    "EQUALITY": ("'='", "'!='"),
    "CONTAINS": ("'~'",),
    "NUMBER": ("a number",),
    "WORD": ("a word",),
    "QUOTED": ("a text in quotes",),
    "$END": ("the end",),
}

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}

_parser = Lark(_GRAMMAR, start="either", parser="lalr")


def matching(
    text: str, columns: Columns, labels: Mapping[int, str], categories: Sequence[str] = ()
) -> Mask:
    """Which features a filter lets through: [features].

    `labels` maps features to their names, those without one left out; `categories` are the names
    behind the column `category`. Raises UserError that says at which column the filter can't be
    read and what may stand there.
    """
    if len(text) > LONGEST:
        raise UserError(f"A filter has at most {LONGEST} characters, and this has {len(text)}.")
    try:
        tree = _parser.parse(text)
    except UnexpectedInput as error:
        raise _explained(error, text) from error
    try:
        return _Evaluate(columns, labels, categories).transform(tree)
    except VisitError as error:
        raise error.orig_exc from error


class _Evaluate(Transformer[Token, Mask]):
    """Turns each node of a filter into the mask of the features for which it holds."""

    def __init__(
        self, columns: Columns, labels: Mapping[int, str], categories: Sequence[str]
    ) -> None:
        super().__init__()
        self.columns = columns
        self.labels = labels
        self.categories = categories
        self.features = len(columns["max"])

    def either(self, parts: list[Mask]) -> Mask:
        return np.asarray(np.logical_or.reduce(parts))

    def both(self, parts: list[Mask]) -> Mask:
        return np.asarray(np.logical_and.reduce(parts))

    def negation(self, parts: list[Mask]) -> Mask:
        return ~parts[0]

    def compare_number(self, parts: list[Token]) -> Mask:
        field, sign, number = parts
        name = field.lower()
        column = np.arange(self.features) if name == "id" else self._column(name, field)
        return np.asarray(_COMPARE[sign](column, float(number)))

    def compare_text(self, parts: list[Token]) -> Mask:
        field, sign, value = parts
        wanted = value[1:-1] if value.type == "QUOTED" else str(value)
        if field.lower() == "category":
            # A feature without a category has index -1, which here is the empty name.
            names = [*self.categories, ""]
            kinds = np.array([_holds(sign, name, wanted) for name in names])
            return np.asarray(kinds[self._column("category", field)])
        mask = np.full(self.features, _holds(sign, "", wanted))
        for feature, label in self.labels.items():
            if feature < self.features:
                mask[feature] = _holds(sign, label, wanted)
        return mask

    def _column(self, name: str, field: Token) -> NDArray[Any]:
        if name not in self.columns:
            raise UserError(
                f"Column {field.column}: these features have no {name}, "
                "because the documents carry no categories."
            )
        return np.asarray(self.columns[name])


def _holds(sign: str, text: str, wanted: str) -> bool:
    if sign == "~":
        return wanted.casefold() in text.casefold()
    return bool(_COMPARE[sign](text, wanted))


def _explained(error: UnexpectedInput, text: str) -> UserError:
    names: set[str] = set()
    start = error.pos_in_stream
    if isinstance(error, UnexpectedCharacters):
        names = set(error.allowed)
    elif isinstance(error, UnexpectedToken):
        names = set(error.accepts or error.expected)
        if error.token.type == "$END":
            start = None
    column = len(text) + 1 if start is None else start + 1
    rest = re.match(r"\w+|.", text[column - 1 :])
    found = repr(rest.group()) if rest else "the end"
    may_stand = names or {"$END"}
    *others, last = [
        word for name, words in _EXPECTED.items() if name in may_stand for word in words
    ]
    return UserError(
        f"The filter can't be read at column {column}: {found} stands there.",
        f"Expected {', '.join(others)} or {last}." if others else f"Expected {last}.",
    )
