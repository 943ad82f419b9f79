"""How filters are written: the grammar, and what is wrong with a text that doesn't follow it."""

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Any

from lark import Lark, Token, Tree, UnexpectedToken
from lark.exceptions import UnexpectedInput

from engine.errors import UserError

LONGEST = 500
"""Characters in a filter, so that nothing that is pasted by mistake takes long."""

NUMBERS = ("id", "max", "mean", "std", "density", "count", "documents", "selectivity")
TEXTS = ("label", "category", "tag", "note")
SEARCHED = ("snippet", "peak", "promoted", "suppressed")
FLAGS = ("starred", "labelled", "tagged", "alive")
ALIASES = {"docs": "documents", "labeled": "labelled"}

_BARE = r"[^\s()\"'<>=!~]"
"""A sign of a word that stands by itself; one after `~` may hold all but spaces and quotes."""


def _words(names: Iterable[str]) -> str:
    """A pattern for one of `names`, and not for a word that only begins with one."""
    return f"({'|'.join(names)})(?!{_BARE})"


_GRAMMAR = rf"""
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

NUMBER_FIELD.2: /{_words([*NUMBERS, "docs"])}/i
TEXT_FIELD.2: /{_words(TEXTS)}/i
SEARCHED_FIELD.2: /{_words(SEARCHED)}/i
FLAG.2: /{_words([*FLAGS, "labeled"])}/i
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
"""What is said of each terminal, in this order. Where one of those that are not here may stand, one
of these may, too."""

_parser = Lark(_GRAMMAR, start="either", parser="lalr")


def parsed(text: str) -> Tree[Token]:
    """The filter as a tree whose nodes bear the names behind the arrows of the grammar.

    Raises UserError that says at which column the text can't be read and what may stand there.
    """
    if len(text) > LONGEST:
        raise UserError(f"A filter has at most {LONGEST} characters, and this has {len(text)}.")
    try:
        return _parser.parse(text)
    except UnexpectedInput as error:
        raise _explained(error, text) from error


def column(token: Token, offset: int = 0) -> int:
    """The column of the filter, from 1, in which a token's character `offset` stands."""
    assert token.start_pos is not None
    return token.start_pos + offset + 1


def _explained(error: UnexpectedInput, text: str) -> UserError:
    read, may_follow = _readable(text)
    ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    at = len(text) if ended or error.pos_in_stream is None else error.pos_in_stream
    if read and read[-1].type == "BARE" and text[at : at + 1] in {*"<>=~!"}:
        return _unknown(read[-1])
    stands = re.match(r"[()]|[^\s()]+", text[at:])
    return UserError(
        f"The filter can't be read at column {at + 1}: "
        f"{repr(stands.group()) if stands else 'the end'} stands there.",
        f"Expected {_listed(may_follow)}.",
    )


def _readable(text: str) -> tuple[list[Token], set[str]]:
    """As many tokens as a filter can begin with, and the terminals that may follow on them."""
    parser: Any = _parser.parse_interactive(text)
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


def _unknown(word: Token) -> UserError:
    """That a word is compared with something, and is no column."""
    columns = (*NUMBERS, *TEXTS, *SEARCHED)
    similar = difflib.get_close_matches(word.lower(), columns, n=1)
    return UserError(
        f"The filter can't be read at column {column(word)}: {str(word)!r} is no column.",
        f"Did you mean {similar[0]}?" if similar else f"There are {', '.join(columns)}.",
    )


def _listed(names: Collection[str]) -> str:
    words = [word for name in _EXPECTED if name in names for word in _EXPECTED[name]]
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
