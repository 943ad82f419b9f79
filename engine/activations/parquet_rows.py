"""Rows of parquet files (torch-free; reading one needs pyarrow)."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.errors import UserError


class ParquetRow(NamedTuple):
    """A row of a file."""

    number: int
    """From 1."""
    values: Callable[[], dict[str, Any]]
    """Gives its columns by name. Raises UserError for text that is not UTF-8."""
    share: float
    """Of the file, how much is read behind it."""


def parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[ParquetRow]:
    """The rows of a parquet file, with some of its columns.

    Raises UserError where pyarrow isn't installed, the file lacks a column, or can't be read.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UserError(
            f"Reading {path} needs pyarrow, which isn't installed.",
            "Install it with: pip install 'brainsurg[data]'.",
        ) from None
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for name in columns:
                if name not in file.schema_arrow.names:
                    raise UserError(f"{path} has no column {name}.")
            number = 0
            for batch in file.iter_batches(batch_size=1024, columns=list(columns)):
                for place in range(batch.num_rows):
                    number += 1
                    cells = {name: batch.column(name)[place] for name in columns}
                    read = _reader(cells, f"{path}, row {number},")
                    yield ParquetRow(number, read, number / file.metadata.num_rows)
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"{path} can't be read as parquet: {error}.") from error


def _reader(cells: dict[str, Any], where: str) -> Callable[[], dict[str, Any]]:
    def values() -> dict[str, Any]:
        try:
            return {name: cell.as_py() for name, cell in cells.items()}
        except UnicodeDecodeError as error:
            raise UserError(f"{where} is not UTF-8 text.") from error

    return values
