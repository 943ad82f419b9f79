"""Saving a training now and then, while it goes on, and finding it again."""

import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import UserError
from engine.files import whole_file, whole_folder, write_whole
from engine.progress import Progress
from engine.sae.formats.records import read_record, record_bytes
from engine.sae.formats.tensors import read_safetensors
from engine.sae.training import checkpoint as disk
from engine.sae.training.packing import pack, unpack
from engine.shortages import disk_is_full

MINUTES = 5.0
"""From one checkpoint to the next, where nobody says otherwise."""


@dataclass(frozen=True)
class SavedTraining:
    """A training as a checkpoint has it."""

    step: int
    about: Mapping[str, Any]
    """What is trained on what, as it was handed to `Checkpointer`."""
    state: dict[str, Any]


def load_newest_checkpoint(folder: Path, note: Callable[[str], None]) -> SavedTraining | None:
    """Read the newest checkpoint of a training that is not damaged, if there is one. Damaged ones
    after it are noted, and removed.

    Raises UserError for a whole one of a later version: to go on from an older one would throw away
    what it holds.
    """
    for checkpoint in disk.all_checkpoints(folder):
        try:
            disk.check_valid(checkpoint)
        except UserError as error:
            note(f"A checkpoint is passed over: {error}")
            continue
        disk.check_version(checkpoint)
        try:
            saved = _load(checkpoint)
        except UserError as error:
            note(f"A checkpoint is passed over: {error}")
            continue
        for newer in disk.all_checkpoints(folder):
            if newer > checkpoint:
                shutil.rmtree(newer, ignore_errors=True)
        return saved
    return None


def _load(checkpoint: Path) -> SavedTraining:
    """What a checkpoint holds. UserError for what can't be a training's state."""
    record = read_record(checkpoint / disk.RECORD, disk.CheckpointRecord)
    tensors = read_safetensors(checkpoint / disk.TENSORS).found
    try:
        state = unpack(msgspec.json.decode(record.state), tensors)
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{checkpoint / disk.RECORD} can't be understood: {error!r}.") from error
    if not isinstance(state, dict):
        raise UserError(f"{checkpoint / disk.RECORD} holds no training.")
    return SavedTraining(record.step, record.about, state)


class Checkpointer:
    """The checkpoints of one training, in its own folder (see `engine.sae.training.checkpoint`).

    Saving copies the state, and a thread writes the copy while the training goes on. A checkpoint
    that can't be written is a note and no error: the ones before it stay. To leave the `with` block
    is to wait for what is being written.

    Memory: while one is written, the weights and Adam's two moments once more, on the CPU.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], *, minutes: float = MINUTES) -> None:
        """`about` says what is trained on what, in JSON's own types."""
        self._folder = folder
        self._about = dict(about)
        self._minutes = minutes
        self._last = time.monotonic()
        self._step: int | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: Future[str] | None = None
        self._reported = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.shutdown()

    def due(self) -> bool:
        """Whether it is time to save again, and the last one is written."""
        busy = self._writing is not None and not self._writing.done()
        return not busy and time.monotonic() - self._last >= 60 * self._minutes

    def save(self, step: int, steps: int, state: dict[str, Any]) -> None:
        """Save where a training of `steps` stands after `step`, unless that is done already."""
        if step == self._step:
            return
        structure, tensors = pack(state)
        record = disk.CheckpointRecord(
            step=step,
            steps=steps,
            about=self._about,
            state=msgspec.Raw(msgspec.json.encode(structure)),
        )
        copies = {name: _copy_to_cpu(tensor) for name, tensor in tensors.items()}
        self._writing = self._thread.submit(self._write, record, copies)
        self._step, self._last = step, time.monotonic()

    def report(self, progress: Progress) -> None:
        """Note what came of the last save, once it is known and other than the time before."""
        if self._writing is None or not self._writing.done():
            return
        outcome, self._writing = self._writing.result(), None
        if outcome != self._reported:
            self._reported = outcome
            progress.note(outcome)

    def _write(self, record: disk.CheckpointRecord, tensors: dict[str, Tensor]) -> str:
        """Write a checkpoint; gives a sentence that says what came of it."""
        try:
            with whole_folder(disk.folder_of(self._folder, record.step), replace=True) as folder:
                with whole_file(folder / disk.TENSORS) as file:
                    save_file(tensors, file)
                write_whole(folder / disk.RECORD, record_bytes(record))
                write_whole(folder / disk.SUMS, disk.sums_of(folder))
        except (OSError, SafetensorError, UserError) as error:
            why = "the disk is full" if disk_is_full(error) else str(error)
            return (
                f"A checkpoint could not be saved ({why}). Training goes on; what was saved before"
                " is kept."
            )
        disk.prune(self._folder)
        size = sum(tensor.nbytes for tensor in tensors.values())
        return (
            f"A checkpoint of {size / 1e6:,.1f} MB is saved every {self._minutes:g} minutes in"
            f" {self._folder}; the last {disk.KEEP} are kept until the training is done."
        )


def _copy_to_cpu(tensor: Tensor) -> Tensor:
    """A copy of a tensor on the CPU, in memory of its own."""
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
