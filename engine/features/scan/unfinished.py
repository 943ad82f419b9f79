"""A scan that goes on: what it has found so far, on disk, to be read and to go on from."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import torch

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.measured_rows import MeasuredRows
from engine.activations.store.row_summary import RowChoice
from engine.errors import UserError
from engine.features.catalogue.arrays import load_array
from engine.features.catalogue.catalogue import (
    FORMAT_VERSION,
    CatalogueManifest,
    write_catalogue_manifest,
)
from engine.features.scan.collect.codes import STRETCH
from engine.features.scan.collect.collection import Collectors
from engine.features.scan.collect.collector import write_arrays
from engine.files import whole_folder
from engine.progress import Progress
from engine.sae.architectures.base import SparseAutoencoder

FIRST, MOST = 1.0, 60.0
"""Seconds until it is saved first, then twice that, up to the other."""
SHARE = 0.04
"""Of the time, what saving may take."""
_RECORD = "scan.json"
_LATER_FIELDS = frozenset(
    {
        "model_dtype",
        "quantisation",
        "chat_template",
        "prefix_token_ids",
        "special_token_ids",
        "row_summary",
    }
)
"""Fields of a set's manifest that older versions did not have: where they are empty, a scan is the
same as one of those."""


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """Where a scan stands."""

    identity: str
    next_row: int
    """The first of the set's rows that it has not seen."""


class UnfinishedScan:
    """The folder of a scan that isn't done. It is a catalogue that says so, with the scan's state
    beside it; each save replaces the one before."""

    def __init__(self, folder: Path | None, identity: str) -> None:
        """`folder` None: nothing is saved. `identity` tells what is scanned, and how."""
        self._folder = folder
        self._identity = identity
        self._wait = FIRST
        self._last = time.monotonic()

    def restore(self, new: Callable[[], Collectors], progress: Progress) -> tuple[Collectors, int]:
        """What an interrupted scan of the same has found, and the row to go on from.

        `new` makes an empty collection. That, and 0, is what is returned where there is no such
        scan, or where any of its arrays is missing, cut short or of another shape.
        """
        if self._folder is None or not self._folder.exists():
            return new(), 0
        try:
            record = msgspec.json.decode((self._folder / _RECORD).read_bytes(), type=_Record)
            if record.identity != self._identity:
                return new(), 0
            paths = sorted(self._folder.rglob("*.npy"))
            arrays = {
                path.relative_to(self._folder).with_suffix("").as_posix(): load_array(path)
                for path in paths
            }
            collection = new()
            collection.restore(arrays)
        except (
            OSError,
            msgspec.DecodeError,
            UnicodeDecodeError,
            RecursionError,
            UserError,
        ) as error:
            progress.note(f"An unfinished scan can't be read, so it begins anew: {error}")
            return new(), 0  # the other may be half restored
        progress.note(f"The scan goes on at token {record.next_row:,}.")
        return collection, record.next_row

    def due(self) -> bool:
        """Whether it is time to save again."""
        return self._folder is not None and time.monotonic() - self._last >= self._wait

    def save(self, collection: Collectors, manifest: CatalogueManifest, next_row: int) -> None:
        """Write down what is known after the rows before `next_row`."""
        if self._folder is None:
            return
        began = time.monotonic()
        with whole_folder(self._folder, replace=True) as temporary:
            write_arrays(temporary, collection.state())
            write_arrays(temporary, collection.catalogue_arrays())
            write_catalogue_manifest(temporary, manifest)
            record = _Record(identity=self._identity, next_row=next_row)
            (temporary / _RECORD).write_bytes(msgspec.json.encode(record))
        self._last = time.monotonic()
        self._wait = max(min(2 * self._wait, MOST), (self._last - began) / SHARE)


def scan_identity(
    sae: SparseAutoencoder,
    acts: ActivationSet,
    settings: tuple[int, ...],
    rows: MeasuredRows,
    choice: RowChoice,
) -> str:
    """A digest of all that a scan's outcome depends on. It is that of older versions for a scan
    that counts the same of the set's `rows`."""
    digest = hashlib.sha256()
    for name, tensor in sorted(sae.to_stored_names(sae.state_dict()).items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    about = msgspec.to_builtins(acts.manifest)
    known = {name: value for name, value in about.items() if value or name not in _LATER_FIELDS}
    digest.update(msgspec.json.encode((FORMAT_VERSION, STRETCH, sae.config, known, settings)))
    others = np.flatnonzero(rows.taken(choice) != rows.taken("behind_start"))
    if len(others):
        digest.update(others.astype("<i8").tobytes())
    return digest.hexdigest()
