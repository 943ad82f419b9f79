"""Checkpoints of a training on disk: which there are, and which can be trusted. Torch-free.

    FOLDER/                    of one training
      step-0000001200/         one checkpoint, which appears whole
        state.safetensors      every tensor of the state
        state.json             a `CheckpointRecord`: the rest of it, and what was being trained
        SHA256SUMS             of the two, as `sha256sum --check` reads it
      step-0000002400/

Nothing random needs to be kept: every random choice of a training follows from its seed and from
where it stands.
"""

import shutil
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from engine.activations.text_files import readable
from engine.errors import UserError
from engine.files import sha256
from engine.sae.formats.records import read_record

TENSORS = "state.safetensors"
RECORD = "state.json"
SUMS = "SHA256SUMS"
FORMAT_VERSION: Final = 1
KEEP = 2
"""Checkpoints of a training that are kept: the newest may turn out to be damaged."""


class CheckpointRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint holds beside tensors."""

    step: Annotated[int, msgspec.Meta(ge=0, lt=1 << 48)]
    """Steps done."""
    steps: Annotated[int, msgspec.Meta(ge=0, lt=1 << 48)]
    """Steps of the whole training."""
    about: dict[str, Any]
    """What is trained on what, in JSON's own types, as whoever began it put it."""
    state: msgspec.Raw
    """`engine.sae.training.packing` of the state, but for the tensors."""
    format_version: Literal[1] = FORMAT_VERSION


class _Version(msgspec.Struct):
    format_version: int = FORMAT_VERSION


def folder_of(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies; their names are in the order of their steps."""
    return folder / f"step-{step:010d}"


def all_checkpoints(folder: Path) -> list[Path]:
    """Every checkpoint of a training, the newest first, whole or not."""
    return sorted(folder.glob("step-*"), reverse=True)


def newest_record(folder: Path) -> CheckpointRecord | None:
    """The record of the newest checkpoint that has a readable one; tensors are not looked at."""
    for checkpoint in all_checkpoints(folder):
        try:
            return read_record(checkpoint / RECORD, CheckpointRecord)
        except UserError:
            continue
    return None


def check_valid(checkpoint: Path) -> None:
    """Raise UserError, naming the file, unless all files are what they were when it was saved."""
    path = checkpoint / SUMS
    with readable(path):
        sums = path.read_bytes()
    if sums != sums_of(checkpoint):
        raise UserError(f"{checkpoint} is damaged: a checksum differs.")


def check_version(checkpoint: Path) -> None:
    """Raise UserError if a later version of Brain Surgery saved a checkpoint."""
    try:
        version = read_record(checkpoint / RECORD, _Version).format_version
    except UserError:
        return  # no version's: whoever reads it finds out what is wrong
    if version > FORMAT_VERSION:
        raise UserError(
            f"{checkpoint} is of format {version}; this version reads format {FORMAT_VERSION}.",
            "Resume with the version that saved it, or remove it to go on from an older one.",
        )


def sums_of(checkpoint: Path) -> bytes:
    """What SHA256SUMS must hold for the files as they are. UserError if one isn't there."""
    lines = []
    for name in (TENSORS, RECORD):
        with readable(checkpoint / name):
            lines.append(f"{sha256(checkpoint / name)}  {name}\n")
    return "".join(lines).encode()


def prune(folder: Path) -> None:
    """Remove all checkpoints but the newest ones."""
    for old in all_checkpoints(folder)[KEEP:]:
        shutil.rmtree(old, ignore_errors=True)
