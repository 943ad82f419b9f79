"""Whether there is room on a disk for what is about to be written. Torch-free."""

import shutil
from pathlib import Path

from engine.errors import UserError

_ADVICE = (
    "Make room on the disk, keep fewer tokens with --max-tokens, or store them in half the bytes"
    " with --dtype bfloat16."
)


def check_room(folder: Path, needed: int) -> None:
    """Raise UserError unless `needed` bytes are free where `folder` is, or will be."""
    sentence = lack_of_room(folder, needed)
    if sentence:
        raise UserError(sentence, _ADVICE)


def lack_of_room(folder: Path, needed: int) -> str:
    """A sentence if fewer than `needed` bytes are free where `folder` is, or will be; else ""."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free >= needed:
        return ""
    return f"The capture takes {_size(needed)}, and {_size(free)} are free on the disk of {there}."


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"
