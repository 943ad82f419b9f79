"""Text and JSON from files that anyone may have written: strict UTF-8, errors with file and line.

Torch-free. Lines end at `\\n` or `\\r\\n` and nowhere else: every other control character (form
feeds, escape sequences, Unicode line separators) is part of the text and kept as it is.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from engine.errors import UserError

_BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what the operating system says about `path` into a UserError."""
    try:
        yield
    except FileNotFoundError:
        raise _no_file(path) from None
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}.") from error


def check_exists(path: Path) -> None:
    """Raise UserError if there is neither a file nor a folder at `path`."""
    if not path.exists():
        raise _no_file(path)


def _no_file(path: Path) -> UserError:
    return UserError(f"There is no file {path}.")


class Line(NamedTuple):
    """A line of a file, as it is there."""

    number: int
    """From 1."""
    raw: bytes
    """With its end."""
    end: int
    """Bytes of the file up to its end."""


def raw_lines(path: Path) -> Iterator[Line]:
    """The lines of a file; a byte order mark before the first is left out."""
    with readable(path), path.open("rb") as file:
        end = 0
        for number, raw in enumerate(file, 1):
            end += len(raw)
            yield Line(number, raw.removeprefix(_BOM) if number == 1 else raw, end)


def line_text(line: Line, path: Path) -> str:
    """The text of a line without its end. Raises UserError, naming it, for what isn't UTF-8."""
    try:
        text = line.raw.decode()
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, line {line.number}, is not UTF-8 text.", "Save the file as UTF-8."
        ) from error
    return text.removesuffix("\r\n").removesuffix("\n")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file without their ends, each with its number (from 1)."""
    return ((line.number, line_text(line, path)) for line in raw_lines(path))


def parsed_line(line: Line, path: Path) -> Any:
    """The JSON value of a line; None for a blank one. Raises UserError, naming it, for another."""
    text = line_text(line, path)
    return _parse(text, path, first_line=line.number) if text.strip() else None


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The JSON value of every line of a `.jsonl` file that isn't blank, with the line's number."""
    for number, line in lines(path):
        if line.strip():
            yield number, _parse(line, path, first_line=number)


def json_value(path: Path) -> Any:
    """The one JSON value of a `.json` file."""
    return _parse("\n".join(line for _, line in lines(path)), path, first_line=1)


def _parse(text: str, path: Path, first_line: int) -> Any:
    try:
        value = json.loads(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        reason = f"{error.msg.removesuffix(':')} (column {error.colno})"
        raise UserError(f"{path}, line {line}, is not JSON: {reason}.") from error
    except UnicodeEncodeError as error:
        raise UserError(
            f"{path} spells half a Unicode character (a lone surrogate), which no text can hold."
        ) from error
    except (RecursionError, ValueError) as error:
        raise UserError(f"{path} holds JSON that is nested or numbered beyond reason.") from error
    return value
