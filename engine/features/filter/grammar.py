"""How filters are written: the grammar, and what is wrong with a text that doesn't follow it.

The names in it are those of the columns of the feature table (`engine.features.columns`).
"""

import difflib
import functools
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from lark import Lark, Token, Tree, UnexpectedToken
from lark.exceptions import UnexpectedInput

from engine.errors import UserError
from engine.features.columns import FIGURES, Kind, TableColumn, table_columns

LONGEST = 500
"""Characters in a filter, so that nothing that is pasted by mistake takes long."""

NUMBERS: tuple[Kind, ...] = ("id", *FIGURES)
TEXTS: tuple[Kind, ...] = ("category", "note")
SEARCHED: tuple[Kind, ...] = ("text",)
FLAGS: tuple[Kind, ...] = ("flag",)

_BARE = r"[^\s()\"'<>=!~]"
"""A sign of a word that stands by itself; one after `~` may hold all but spaces and quotes."""


def _words(names: Iterable[str]) -> str:
    """A pattern for one of `names`, and not for a word that only begins with one."""
    return f"({'|'.join(names)})(?!{_BARE})"


def _names(columns: Iterable[TableColumn], kinds: tuple[Kind, ...]) -> str:
    """A pattern for a name or alias of the columns of some kinds."""
    return _words(name for c in columns if c.kind in kinds for name in (c.name, *c.aliases))


def _grammar(columns: Sequence[TableColumn]) -> str:
    return rf"""
?either: both
       | both (_OR both)+                                    -> either
?both: unless
       | unless (_AND? unless)+                              -> both
?unless: (_NOT | _BANG) unless     -> negation
       | "(" either ")"
       | NUMBER_FIELD (ORDER | EQUALITY) NUMBER              -> number
       | TEXT_FIELD (EQUALITY | LIKENESS) (WORD | QUOTED)    -> text
       | SEARCHED_FIELD LIKENESS (WORD | QUOTED)             -> text
       | FLAG                                                -> flag
       | (BARE | QUOTED)                                     -> named

NUMBER_FIELD.2: /{_names(columns, NUMBERS)}/i
TEXT_FIELD.2: /{_names(columns, TEXTS)}/i
SEARCHED_FIELD.2: /{_names(columns, SEARCHED)}/i
FLAG.2: /{_names(columns, FLAGS)}/i
_AND.2: /{_words(["and"])}/i
_OR.2: /{_words(["or"])}/i
_NOT.2: /{_words(["not"])}/i
_BANG: /!(?![=~])/
ORDER: "<=" | ">=" | "<" | ">"
EQUALITY: "==" | "=" | "!="
LIKENESS: "~" | "!~"
NUMBER: /[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?[kKM]?(?!{_BARE})/i
QUOTED: /"[^"]*"|'[^']*'/
WORD: /([^\s()"']|\([^\s()"']*\))++(?![("'])/
BARE: /(?![&|,]|{_words(["and", "or"])}){_BARE}({_BARE}|\({_BARE}*\))*+(?![("'])/

%ignore /\s+/
"""


_EXPECTED = {
    "BARE": ("a condition such as max > 5", "a word", "a text in quotes"),
    "WORD": ("a word", "a text in quotes"),
    "RPAR": ("')'",),
    "_AND": ("'and'",),
    "_OR": ("'or'",),
    "ORDER": ("'<'", "'<='", "'>'", "'>='"),
    "EQUALITY": ("'='", "'!='"),
    "LIKENESS": ("'~'", "'!~'"),
    "NUMBER": ("a number",),
    "$END": ("the end",),
}
"""How each terminal is named in errors, in this order. Where one of those that are not here may
stand, one of these may, too."""


@functools.lru_cache(maxsize=1)
def _parser_of(columns: tuple[TableColumn, ...]) -> Lark:
    return Lark(_grammar(columns), start="either", parser="lalr")


def _parser() -> Lark:
    return _parser_of(table_columns())


def parse_filter(text: str) -> Tree[Token]:
    """The filter as a tree whose nodes bear the names behind the arrows of the grammar.

    Raises UserError that says at which column the text can't be read and what may stand there.
    """
    if len(text) > LONGEST:
        raise UserError(f"A filter has at most {LONGEST} characters, and this has {len(text)}.")
    try:
        return _parser().parse(text)
    except UnexpectedInput as error:
        raise _syntax_error(error, text) from error


def column(token: Token, offset: int = 0) -> int:
    """The column of the filter, from 1, in which a token's character `offset` stands."""
    assert token.start_pos is not None
    return token.start_pos + offset + 1


def _syntax_error(error: UnexpectedInput, text: str) -> UserError:
    read, may_follow = _readable_part(text)
    ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    at = len(text) if ended or error.pos_in_stream is None else error.pos_in_stream
    if read and read[-1].type == "BARE" and text[at : at + 1] in {*"<>=~!"}:
        return _unknown_column(read[-1])
    stands = re.match(r"[()]|[^\s()]+", text[at:])
    return UserError(
        f"The filter can't be read at column {at + 1}: "
        f"{repr(stands.group()) if stands else 'the end'} stands there.",
        f"Expected {_alternatives(may_follow)}.",
    )


def _readable_part(text: str) -> tuple[list[Token], set[str]]:
    """As many tokens as a filter can begin with, and the terminals that may follow on them."""
    parser: Any = _parser().parse_interactive(text)
    read: list[Token] = []
    may_follow: set[str] = set()
    try:
        for token in parser.iter_parse():
            may_follow = parser.accepts()
            read.append(token)
    except UnexpectedInput as error:
        if isinstance(error, UnexpectedToken) and read and error.token is read[-1]:
            return read[:-1], may_follow  # the parser itself has begun to make sense of it
    return read, parser.accepts()


def _unknown_column(word: Token) -> UserError:
    """The error that a word is compared with something, and is no column."""
    columns = [column.name for column in table_columns(*NUMBERS, *TEXTS, *SEARCHED)]
    similar = difflib.get_close_matches(word.lower(), columns, n=1)
    return UserError(
        f"The filter can't be read at column {column(word)}: {str(word)!r} is no column.",
        f"Did you mean {similar[0]}?" if similar else f"There are {', '.join(columns)}.",
    )


def _alternatives(names: Collection[str]) -> str:
    words = [word for name in _EXPECTED if name in names for word in _EXPECTED[name]]
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
