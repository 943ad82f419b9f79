"""Files of labels: our own, what a spreadsheet or a script makes, and Neuronpedia's exports.

Read are CSV with a header, a JSON list of objects, a JSON object from numbers to labels, and an
object a line, each as it is or packed by gzip. A feature is named by `feature`, `index` or `id`,
what it answers to by `label` or `description`, and the rest, where it is there, by `tags`,
`starred` and `note`.

Neuronpedia's bulk files (`batch-0.jsonl.gz`) are such lines, and its exports of explanations such
lists, with `index` and `description`, or objects that hold such a list under `explanations`, as its
features do; what else is in them is left out. A label that is null is none.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from brainsurg_tui.exports import plain_cell
from engine.errors import UserError
from engine.service import protocol as p

FEATURE, LABEL = ("feature", "index", "id"), ("label", "description")
LISTS = ("explanations", "features")
"""What rows lie under: in Neuronpedia's objects, and in what our own export prints as JSON."""
_GZIP = b"\x1f\x8b"
_LONGEST = 1 << 28
"""Bytes of a text that is read; all labels of a million features have some 100 million."""
_YES = {"1", "true", "yes", "x", "★"}
_HIGHEST = 2**31


def read_notes(path: Path) -> list[tuple[int, p.Note]]:
    """Features and what a file says of each, in its order.

    Raises UserError that says in which row of the file something is not as it must be.
    """
    notes = []
    for number, row in enumerate(_rows(path, _text(path)), 1):
        try:
            if not _is_unlabelled(row):
                notes.append((_feature(row), _note(row)))
        except (TypeError, ValueError) as error:
            raise UserError(f"{path}, row {number}: {error}.") from error
    return notes


def _text(path: Path) -> str:
    """What a file holds, unpacked where it is packed."""
    try:
        with path.open("rb") as file:
            packed = file.peek(len(_GZIP)).startswith(_GZIP)
            data = (gzip.GzipFile(fileobj=file) if packed else file).read(_LONGEST + 1)
        if len(data) > _LONGEST:
            raise UserError(f"{path} holds a text of more than {_LONGEST:,} bytes.", "Split it.")
        return data.decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise UserError(
            f"{path} is no text in UTF-8, nor a whole one that gzip has packed.",
            "Unpack it, or save it as such.",
        ) from error
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from error


def _rows(path: Path, text: str) -> Iterator[Mapping[str, Any]]:
    begins = text.lstrip()[:1]
    try:
        if begins == "[":
            for row in msgspec.json.decode(text, type=list[dict[str, Any]]):
                yield from _unfolded(row)
        elif begins == "{":
            yield from _objects(text)
        else:
            yield from _table(text)
    except (msgspec.DecodeError, csv.Error) as error:
        raise UserError(f"{path} can't be read: {error}.") from error
    except RecursionError as error:
        raise UserError(f"{path} can't be read: it is nested beyond reason.") from error


def _unfolded(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The row itself, or the rows in a list of its own, which are about its feature unless they
    name another."""
    lists = [row[name] for name in LISTS if name in row]
    if not lists:
        yield row
        return
    of = {name: row[name] for name in FEATURE[:2] if name in row}
    for inner in msgspec.convert(lists[0] or [], list[dict[str, Any]]):
        yield (inner if any(name in inner for name in FEATURE[:2]) else inner | of)


def _is_unlabelled(row: Mapping[str, Any]) -> bool:
    """Whether a row says only that its feature has no label."""
    labels = [row[name] for name in LABEL if name in row]
    rest = any(row.get(name) for name in ("tags", "starred", "note"))
    return bool(labels) and not rest and all(label is None for label in labels)


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """The rows of a text of JSON objects: one that maps features to labels or is itself a row, or
    one a line."""
    try:
        whole = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        for row in msgspec.json.Decoder(dict[str, Any]).decode_lines(text):
            yield from _unfolded(row)
        return
    if any(name in whole for name in (*FEATURE, *LISTS)):
        yield from _unfolded(whole)
    else:
        yield from ({"feature": feature, "label": label} for feature, label in whole.items())


def _table(text: str) -> Iterator[Mapping[str, Any]]:
    lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    names = [name.strip().lower() for name in lines.fieldnames or []]
    if not any(name in names for name in FEATURE):
        raise csv.Error("its first line names no column `feature`")
    lines.fieldnames = names
    for row in lines:
        yield {
            name: plain_cell(cell) if isinstance(cell, str) else cell for name, cell in row.items()
        }


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
