"""Files of labels: our own, what a spreadsheet or a script makes, and Neuronpedia's exports.

Read are CSV with a header, a JSON list of objects, a JSON object from numbers to labels, and an
object a line. A feature is named by `feature`, `index` or `id`, what it answers to by `label` or
`description`, and the rest, where it is there, by `tags`, `starred` and `note`. Neuronpedia's
exports of explanations are such lists or lines, with `index` and `description`; what else they hold
is left out.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import UserError
from engine.service import protocol as p

FEATURE, LABEL = ("feature", "index", "id"), ("label", "description")
_YES = {"1", "true", "yes", "x", "★"}
_HIGHEST = 2**31


def read_notes(path: Path) -> list[tuple[int, p.Note]]:
    """Features and what a file says of each, in its order.

    Raises UserError that says in which row of the file something is not as it must be.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text in UTF-8.", "Unpack it, or save it as such.") from error
    notes = []
    for number, row in enumerate(_rows(path, text), 1):
        try:
            notes.append((_feature(row), _note(row)))
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}, row {number}: {error}.") from error
    return notes


def _rows(path: Path, text: str) -> Iterator[Mapping[str, Any]]:
    begins = text.lstrip()[:1]
    try:
        if begins == "[":
            yield from msgspec.json.decode(text, type=list[dict[str, Any]])
        elif begins == "{":
            yield from _objects(text)
        else:
            yield from _table(text)
    except (msgspec.DecodeError, csv.Error) as error:
        raise UserError(f"{path} can't be read: {error}.") from error


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """The rows of a text of JSON objects: one that maps features to labels or is itself a row, or
    one a line."""
    try:
        whole = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        yield from msgspec.json.Decoder(dict[str, Any]).decode_lines(text)
        return
    if any(name in whole for name in FEATURE):
        yield whole
    else:
        yield from ({"feature": feature, "label": label} for feature, label in whole.items())


def _table(text: str) -> Iterator[Mapping[str, Any]]:
    lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    names = [name.strip().lower() for name in lines.fieldnames or []]
    if not any(name in names for name in FEATURE):
        raise csv.Error("its first line names no column `feature`")
    lines.fieldnames = names
    yield from lines


def _feature(row: Mapping[str, Any]) -> int:
    value = _first(row, FEATURE)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("it names no feature by a number")
    if not re.fullmatch(r"\s*\d{1,10}\s*", str(value)) or int(value) >= _HIGHEST:
        raise ValueError(f"{value!r} is not the number of a feature")
    return int(value)


def _note(row: Mapping[str, Any]) -> p.Note:
    tags = row.get("tags") or []
    if isinstance(tags, str):
        tags = re.split(r"[\s,;]+", tags)
    starred = row.get("starred") or False
    if isinstance(starred, str):
        starred = starred.strip().lower() in _YES
    try:
        return msgspec.convert(
            {
                "label": _first(row, LABEL) or "",
                "tags": tags,
                "starred": starred,
                "text": row.get("note") or "",
            },
            p.Note,
        )
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)
