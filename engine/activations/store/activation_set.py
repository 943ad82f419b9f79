"""Reading an activation set: by shard, by document or by row.

Torch only for the tensors; what lies on disk is described in `engine.activations.store.manifest`
and `engine.activations.store.shards`, and written by `engine.activations.store.writer`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

from engine.activations.store.manifest import Manifest, read_manifest
from engine.activations.store.measured_rows import Columns, MeasuredRows, measure_rows
from engine.activations.store.norms import row_norms
from engine.activations.store.row_kinds_files import (
    read_row_kinds,
    read_row_summary,
    write_measured,
)
from engine.activations.store.shards import check_files, document_bounds, shard_starts
from engine.errors import UserError
from engine.progress import SILENT, Progress

_NORMS_AT_ONCE = 4096
"""Rows whose norms are taken together."""


@dataclass(frozen=True)
class ShardTensors:
    """The tensors of one shard, mapped from disk: nothing is read before it is touched."""

    start: int
    """The set's row at which this shard begins."""
    acts: Tensor
    """[rows, d_model] in the dtype of the store."""
    token_ids: Tensor
    """[rows] int32"""
    document_ids: Tensor
    """[rows] int32"""
    positions: Tensor
    """[rows] int32, within the document"""
    norms: Tensor | None
    """[rows] float32, of the activations; None in sets of older versions"""


class ActivationSet:
    """An activation set opened for reading; `len` is its tokens, which are its rows.

    Shards are memory-mapped: what is read passes through the system's file cache, and the process
    itself holds no more than what it is given. Tensors come in the dtype of the store.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.d_model = manifest.d_model
        self.dtype: torch.dtype = getattr(torch, manifest.dtype)
        self.document_bounds = torch.from_numpy(document_bounds(folder, manifest))
        """[documents + 1] int64: document i holds the rows from bounds[i] to bounds[i + 1]."""
        self._starts = torch.from_numpy(shard_starts(manifest))
        self._mapped: dict[int, ShardTensors] = {}
        self._measured: MeasuredRows | None = None

    @classmethod
    def open(cls, folder: Path, *, verify: bool = False) -> Self:
        """Open the set in `folder`; `verify` reads every file once and compares its checksum.

        Raises UserError, naming the file, for a shard that is missing, truncated or altered.
        """
        manifest = read_manifest(folder)
        check_files(folder, manifest, verify=verify)
        return cls(folder, manifest)

    def __len__(self) -> int:
        return self.manifest.tokens

    def check_width(self, width: int) -> None:
        """Raise UserError unless the activations are `width` wide."""
        if self.d_model != width:
            raise UserError(
                f"The activations in {self.folder} are {self.d_model} wide, not {width}.",
                "Use activations of the site that this was made for.",
            )

    def measure_rows(self, progress: Progress = SILENT) -> MeasuredRows:
        """What every row is: text, sink and so on, see `engine.activations.store.row_kinds`.

        It is read, but for a set of an older version, which is measured when it is first asked for:
        all activations are read once, and the outcome is kept beside them where that can be
        written. Memory: a byte a row, and 5 more while it is measured.
        """
        if self._measured is None:
            summary = read_row_summary(self.folder, self.manifest)
            kinds = read_row_kinds(self.folder, self.manifest)
            if summary is None or kinds is None:
                columns = list(self._columns(progress))
                summary, kinds = measure_rows(lambda: columns, self.manifest)
                write_measured(self.folder, summary, kinds)
            self._measured = MeasuredRows(summary, kinds)
        return self._measured

    def _columns(self, progress: Progress) -> Iterator[Columns]:
        for shard in self.shards():
            progress("measure norms", shard.start, len(self), "tokens")
            norms = shard.norms
            if norms is None:
                norms = torch.cat(
                    [row_norms(some) for some in torch.split(shard.acts, _NORMS_AT_ONCE)]
                )
            yield Columns(norms.numpy(), shard.token_ids.numpy().copy())

    def shards(self) -> Iterator[ShardTensors]:
        """Every shard in order; each is unmapped when the caller lets go of it."""
        for number in range(len(self.manifest.shards)):
            yield self._map(number)

    def document(self, index: int) -> tuple[Tensor, Tensor]:
        """Token ids `[tokens]` and activations `[tokens, d_model]` of one document."""
        first, last = self.document_bounds[index : index + 2].tolist()
        rows = torch.arange(first, last)
        return self._gather("token_ids", rows), self._gather("acts", rows)

    def rows(self, indices: Tensor) -> Tensor:
        """The activations `[n, d_model]` of any rows `[n]`, in the order asked for.

        Raises IndexError for a row that isn't there.
        """
        return self._gather("acts", indices)

    def _gather(self, name: str, rows: Tensor) -> Tensor:
        if ((rows < 0) | (rows >= len(self))).any():
            raise IndexError(f"rows beyond the {len(self)} of {self.folder}")
        like: Tensor = getattr(self._mapped_shard(0), name)
        gathered = like.new_empty(len(rows), *like.shape[1:])
        shard_of = torch.searchsorted(self._starts, rows, right=True) - 1
        for number in np.unique(shard_of.numpy()).tolist():
            here = shard_of == number
            shard = self._mapped_shard(number)
            gathered[here] = getattr(shard, name)[rows[here] - shard.start]
        return gathered

    def _mapped_shard(self, number: int) -> ShardTensors:
        if number not in self._mapped:
            self._mapped[number] = self._map(number)
        return self._mapped[number]

    def _map(self, number: int) -> ShardTensors:
        path = self.folder / self.manifest.shards[number].file
        with safe_open(path, framework="pt") as file:
            return ShardTensors(
                start=int(self._starts[number]),
                acts=file.get_tensor("activations"),
                token_ids=file.get_tensor("token_ids"),
                document_ids=file.get_tensor("document_ids"),
                positions=file.get_tensor("positions"),
                norms=file.get_tensor("norms") if "norms" in file.keys() else None,  # noqa: SIM118
            )
