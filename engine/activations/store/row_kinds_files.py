"""Where the kinds of a set's rows lie on disk. Torch-free.

    row_kinds.npy     [rows] uint8: a `RowKind` of each
    row_kinds.json    of a set of an older version: the summary and the checksum

A capture measures the kinds of its rows, and writes their `RowSummary` and the checksum of
`row_kinds.npy` into the manifest. The manifest of an older version has neither: what is measured on
first use is written beside it, and the manifest stays as it was.
"""

import contextlib
from pathlib import Path

import msgspec
import numpy as np

from engine.activations.store.manifest import ROW_KINDS, Manifest
from engine.activations.store.row_kinds import Kinds
from engine.activations.store.row_summary import RowSummary
from engine.arrays import map_array
from engine.errors import UNDECODABLE, UserError
from engine.files import sha256, whole_file, write_whole

MEASURED = "row_kinds.json"
_AGAIN = "Capture the set again, or restore the file from a copy."


class _Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of `row_kinds.json`."""

    summary: RowSummary
    sha256: str
    """Of `row_kinds.npy`."""


def read_row_summary(folder: Path, manifest: Manifest) -> RowSummary | None:
    """What was measured of the rows of the set in `folder`; None if that has not been done."""
    if manifest.row_summary is not None:
        return manifest.row_summary
    measured = _read_measured(folder)
    return None if measured is None else measured.summary


def read_row_kinds(folder: Path, manifest: Manifest) -> Kinds | None:
    """The kinds [rows] of the rows of the set in `folder`, memory-mapped; None if they have not
    been measured, or if the files of a later measurement are damaged: it can be repeated.

    Raises UserError where `row_kinds.npy` is damaged and the manifest has its checksum.
    """
    if manifest.row_summary is not None:
        return _map_kinds(folder / ROW_KINDS, manifest.tokens)
    measured = _read_measured(folder)
    if measured is None:
        return None
    try:
        kinds = _map_kinds(folder / ROW_KINDS, manifest.tokens)
        return kinds if sha256(folder / ROW_KINDS) == measured.sha256 else None
    except (UserError, OSError):
        return None


def write_row_kinds(path: Path, kinds: Kinds) -> str:
    """Write `row_kinds.npy`; gives its SHA-256."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array(file, kinds, allow_pickle=False)
    return sha256(path)


def write_measured(folder: Path, summary: RowSummary, kinds: Kinds) -> None:
    """Keep beside a set of an older version what was measured of it, where that can be written."""
    with contextlib.suppress(OSError):
        digest = write_row_kinds(folder / ROW_KINDS, kinds)
        write_whole(
            folder / MEASURED, msgspec.json.encode(_Measured(summary=summary, sha256=digest))
        )


def _read_measured(folder: Path) -> _Measured | None:
    try:
        return msgspec.json.decode((folder / MEASURED).read_bytes(), type=_Measured)
    except (OSError, *UNDECODABLE):
        return None


def _map_kinds(path: Path, rows: int) -> Kinds:
    kinds = map_array(path, _AGAIN)
    if kinds.dtype != np.uint8 or kinds.shape != (rows,):
        raise UserError(f"{path} does not fit the set's manifest.", _AGAIN)
    return kinds
