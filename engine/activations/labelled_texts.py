"""Texts with a label each, from the files a user names (torch-free).

| suffix | rows |
|---|---|
| `.jsonl` | an object a line, `{"text": …, "label": …}` |
| `.json` | a list of such objects |
| `.csv`, `.tsv` | the first row names the columns |
| `.parquet` | columns of these names |

A label is a text, a whole number or a truth value; other columns are passed over.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.activations.corpus import LeftOut, check_left_out
from engine.activations.parquet_rows import parquet_rows
from engine.activations.text_files import (
    check_exists,
    json_value,
    lines,
    parsed_line,
    raw_lines,
)
from engine.errors import UserError

TEXT, LABEL = "text", "label"
"""What the columns are called where nobody says otherwise."""
_LONGEST_LABEL = 100
_LONGEST_CELL = 1 << 30


class LabelledText(NamedTuple):
    """A text, and what it is an example of."""

    text: str
    label: str


def read_labelled_texts(
    paths: Sequence[Path],
    *,
    text_key: str = TEXT,
    label_key: str = LABEL,
    left_out: LeftOut | None = None,
) -> list[LabelledText]:
    """Every row of the files, in order.

    Raises UserError for a file that isn't there, is of an unknown format, or has no such columns,
    for one without rows, and, naming it by its number, for a row that has no text or no label. With
    `left_out`, such a row is left out, and `left_out` is called with the error; too many of them
    raise UserError as in `engine.activations.corpus.read_documents`.
    """
    check_labelled_files(paths)
    found: list[LabelledText] = []
    missed = 0
    for path in paths:
        for row in _READERS[path.suffix.lower()](path, (text_key, label_key)):
            try:
                found.append(_labelled(row, text_key, label_key))
            except UserError as error:
                if left_out is None:
                    raise
                missed += 1
                check_left_out(missed, len(found) + missed, error, "rows")
                left_out(error)
    if not found:
        raise UserError(f"There is no row in {', '.join(map(str, paths))}.")
    return found


def check_labelled_files(paths: Sequence[Path]) -> None:
    """Raise UserError for a file that isn't there, or is of an unknown format."""
    for path in paths:
        check_exists(path)
        if path.suffix.lower() not in _READERS:
            *most, last = _READERS
            raise UserError(
                f"{path} is of an unknown format.", f"It may be {', '.join(most)} or {last}."
            )


class _Row(NamedTuple):
    """A row of a file, as it is there."""

    where: str
    """How it is named, as `texts.csv, line 3,`."""
    read: Callable[[], Any]
    """Gives its columns by name, or raises UserError."""


_Columns = tuple[str, str]


def _labelled(row: _Row, text_key: str, label_key: str) -> LabelledText:
    columns = row.read()
    if not isinstance(columns, dict):
        raise UserError(
            f"{row.where} is no row.", f'It may be {{"{text_key}": "…", "{label_key}": "…"}}.'
        )
    for key in (text_key, label_key):
        if columns.get(key) in (None, ""):
            raise UserError(
                f"{row.where} has no {key}, but {', '.join(map(str, columns)) or 'nothing'}.",
                "Name other columns with --text-key and --label-key.",
            )
    text = columns[text_key]
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{row.where} has a {text_key} that is no text.")
    return LabelledText(text, _label(columns[label_key], f"{row.where} has a {label_key}"))


def _label(value: Any, where: str) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if value.is_integer():
            return str(int(value))
        case str() if value.strip():
            label = value.strip()
            if len(label) > _LONGEST_LABEL:
                raise UserError(f"{where} of {len(label)} characters, which is no label.")
            return label
    raise UserError(f"{where} that is no text, no whole number and no truth value.")


def _json_objects(path: Path, _: _Columns) -> Iterator[_Row]:
    for line in raw_lines(path):
        if line.raw.strip():
            where = f"{path}, line {line.number},"
            yield _Row(where, lambda line=line: parsed_line(line, path))  # type: ignore[misc]


def _json_list(path: Path, _: _Columns) -> Iterator[_Row]:
    entries = json_value(path)
    if not isinstance(entries, list):
        raise UserError(f"{path} is not a list.", "Put what it holds between [ and ].")
    for number, entry in enumerate(entries, 1):
        yield _Row(f"{path}, entry {number},", lambda entry=entry: entry)  # type: ignore[misc]


def _comma_separated(path: Path, columns: _Columns) -> Iterator[_Row]:
    return _separated(path, columns, ",")


def _tab_separated(path: Path, columns: _Columns) -> Iterator[_Row]:
    return _separated(path, columns, "\t")


def _separated(path: Path, columns: _Columns, delimiter: str) -> Iterator[_Row]:
    """Rows of a table; a cell in quotes may hold several lines."""
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        reader = csv.reader((f"{line}\n" for _, line in lines(path)), delimiter=delimiter)
        header = next(reader, [])
        _check_columns(path, header, columns)
        ended = reader.line_num
        for cells in reader:
            number, ended = ended + 1, reader.line_num
            if cells:
                row = dict(zip(header, cells, strict=False))
                yield _Row(f"{path}, line {number},", lambda row=row: row)  # type: ignore[misc]
    except csv.Error as error:
        raise UserError(f"{path} can't be read as a table: {error}.") from error
    finally:
        csv.field_size_limit(before)


def _parquet(path: Path, columns: _Columns) -> Iterator[_Row]:
    for row in parquet_rows(path, columns):
        yield _Row(f"{path}, row {row.number},", row.values)


def _check_columns(path: Path, header: Sequence[str], columns: _Columns) -> None:
    for name in columns:
        if name not in header:
            raise UserError(
                f"{path} has no column {name}, but {', '.join(header) or 'none'}.",
                "Name others with --text-key and --label-key.",
            )


_READERS: dict[str, Callable[[Path, _Columns], Iterator[_Row]]] = {
    ".jsonl": _json_objects,
    ".json": _json_list,
    ".csv": _comma_separated,
    ".tsv": _tab_separated,
    ".parquet": _parquet,
}
