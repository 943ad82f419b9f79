"""Making foreign text safe to show.

Prompts, tokens, labels and error messages come from people, models and files. A terminal obeys
control characters and escape sequences, a bidirectional override turns a line around, and a
zero-width character hides. Nothing foreign is drawn before it went through `visible`, and what
is drawn goes in as `Text`, never as markup.
"""

import unicodedata
from functools import lru_cache

MARKS_PER_LETTER = 2
"""Combining marks that may stand on one letter: Vietnamese needs two, "zalgo" has dozens."""

# Blank or joining although Unicode calls them letters, marks or symbols (Default_Ignorable).
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800") | {
    chr(code)
    for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
    for code in range(first, last + 1)
}
_ASCII_NAMES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_NAMES = {"\n": "↵", "\t": "⇥", "\r": "␍", "\x7f": "␡"}


def visible(text: str, *, ascii_only: bool = False) -> str:
    """Return `text` with everything a terminal would obey or hide written out as a sign.

    Line feed, tab and the other control characters become `↵`, `⇥`, `␛` …; bidirectional and
    zero-width characters, private and unassigned ones become `<U+202E>`, as `less` writes them.
    The result holds no line breaks, and its width is the sum of its characters' widths.

    `ascii_only` writes the signs themselves in ASCII (`\\n`, `^[`); letters stay what they are.
    """
    if text.isascii() and text.isprintable():
        return text
    sign = _ascii_sign if ascii_only else _sign
    signs = []
    marks = MARKS_PER_LETTER  # a mark with no letter before it has nothing to stand on
    for character in text:
        if _is_mark(character):
            marks += 1
            signs.append(character if marks <= MARKS_PER_LETTER else _code(character))
        else:
            shown = sign(character)
            marks = 0 if shown == character else MARKS_PER_LETTER
            signs.append(shown)
    return "".join(signs)


def token_name(token: str, *, ascii_only: bool = False) -> str:
    """Return a token as it stands in a list: `␣she` begins a word, `she` goes on with one."""
    return visible(token, ascii_only=ascii_only).replace(" ", "_" if ascii_only else "␣")


@lru_cache(maxsize=4096)
def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me") and character not in _UNSEEN


@lru_cache(maxsize=4096)
def _sign(character: str) -> str:
    if character in _NAMES:
        return _NAMES[character]
    if character < " ":
        return chr(0x2400 + ord(character))  # the block of control pictures
    return _code(character) if _is_unseen(character) else character


@lru_cache(maxsize=4096)
def _ascii_sign(character: str) -> str:
    if character in _ASCII_NAMES:
        return _ASCII_NAMES[character]
    if character < " " or character == "\x7f":
        return "^" + chr(ord(character) ^ 0x40)
    return _code(character) if _is_unseen(character) else character


def _is_unseen(character: str) -> bool:
    # Cc control, Cf format, Cs surrogate, Co private, Cn unassigned, Zl/Zp line and paragraph.
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp") or character in _UNSEEN


def _code(character: str) -> str:
    return f"<U+{ord(character):04X}>"
