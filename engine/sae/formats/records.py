"""JSON files that must hold one record, and nothing that isn't understood. Torch-free."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engine.activations.text_files import readable
from engine.errors import UserError

T = TypeVar("T")


def read_record(path: Path, kind: type[T]) -> T:
    """The record in a JSON file. UserError naming the file and the field that is wrong."""
    with readable(path):
        data = path.read_bytes()
    try:
        with naming_file(path):
            return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be understood: {error}.") from error


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
