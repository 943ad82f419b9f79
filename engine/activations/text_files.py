"""Text and JSON from files that anyone may have written: strict UTF-8, errors with file and line.

Torch-free. Lines end at `\\n` or `\\r\\n` and nowhere else: every other control character (form
feeds, escape sequences, Unicode line separators) is part of the text and kept as it is.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file without their ends, each with its number (from 1)."""
    with readable(path), path.open("rb") as file:
        for number, line in enumerate(file, 1):
            raw = line.removeprefix(_BOM) if number == 1 else line
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{path}, line {number}, is not UTF-8 text.", "Save the file as UTF-8."
                ) from error
            yield number, text.removesuffix("\r\n").removesuffix("\n")


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
