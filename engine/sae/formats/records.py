"""JSON files that must hold one record, and nothing that isn't understood. Torch-free."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engine.activations.text_files import readable
from engine.errors import UserError

T = TypeVar("T")

_LARGEST, _MOST_KEPT = 1 << 28, 1 << 20
"""Bytes of a file that holds a record, and of what is kept of another's as it is."""


def read_record(path: Path, kind: type[T]) -> T:
    """The record in a JSON file. UserError naming the file and the field that is wrong."""
    with readable(path), path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise UserError(f"{path} can't be understood: no configuration has {_LARGEST:,} bytes.")
    with _understood(path), naming_file(path):
        return msgspec.json.decode(data, type=kind)


def convert_record(content: Mapping[str, Any], kind: type[T], path: Path) -> T:
    """The record that the content of the JSON file `path` stands for. Raises as `read_record`."""
    with _understood(path), naming_file(path):
        return msgspec.convert(content, kind)


def text_or_nothing(value: Any) -> str:
    """A field that is a text as a rule, and anything where a stranger wrote it."""
    return value if isinstance(value, str) else ""


def count_or_none(value: Any) -> int | None:
    """A field that is a count as a rule: None for what is none, or could be none."""
    return value if type(value) is int and 0 < value < 1 << 31 else None


def fields_to_keep(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Fields of the JSON file `path` that are to be written into files of ours, as they are.

    Raises UserError for such as can't be written: beyond size, beyond 64 bits, nested too deep.
    """
    try:
        size = len(msgspec.json.encode(content))
    except (OverflowError, RecursionError, ValueError) as error:
        raise UserError(f"{path} can't be understood: {error}.") from error
    if size > _MOST_KEPT:
        raise UserError(
            f"{path} can't be understood: it tells {size:,} bytes of how it was made, and"
            f" {_MOST_KEPT:,} can be kept."
        )
    return dict(content)


@contextlib.contextmanager
def _understood(path: Path) -> Iterator[None]:
    """Turn what msgspec says against a file into a UserError that names it."""
    try:
        yield
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be understood: {error}.") from error
    except RecursionError as error:
        raise UserError(f"{path} can't be understood: it is nested beyond reason.") from error


@contextlib.contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Name the file in every UserError about a record that is made from it."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path} can't be understood: {error.what}") from error


def record_bytes(record: msgspec.Struct | Mapping[str, Any]) -> bytes:
    """A record as JSON for people: indented, in the order of its fields."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
