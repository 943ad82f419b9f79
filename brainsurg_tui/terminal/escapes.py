r"""Prompts in a field of one line: what can't be typed there is written as an escape.

`\n`, `\t`, `\\`, `\x1b`, `\u202e`; everything else stands for itself, `\d` too.
"""

import re
import unicodedata

_NAMED = {"\n": r"\n", "\t": r"\t", "\\": r"\\"}
_CHARACTERS = {name: character for character, name in _NAMED.items()}
_ESCAPE = re.compile(r"\\(?:[nt\\]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})")


def escape(text: str) -> str:
    """`text` in one line, without a character that a terminal would obey or hide."""
    return "".join(map(_escape_character, text))


def unescape(line: str) -> str:
    """The text that `line` stands for; the inverse of `escape`."""
    return _ESCAPE.sub(lambda found: _unescape_character(found.group()), line)


def _escape_character(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return character
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _unescape_character(escape: str) -> str:
    if escape in _CHARACTERS:
        return _CHARACTERS[escape]
    code = int(escape[2:], 16)
    return chr(code) if code <= 0x10FFFF else escape
