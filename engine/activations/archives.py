"""Zip archives that anyone may have written (.pt and .npz files are such). Torch-free."""

import zipfile
from pathlib import Path

from engine.errors import UserError

_RATIO = 32
"""How many times larger than packed: weights of 32 bits hold more than one bit of news each."""
_SMALL = 1 << 26
"""Bytes that may be unpacked from however few."""


def check_archive(path: Path) -> None:
    """Raise UserError for an archive that would be unpacked to far more than it is.

    A file that is no zip archive, or a damaged one, is left to whoever reads it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except Exception:  # a damaged archive makes its reader raise anything
        return
    if size > _SMALL and size > _RATIO * path.stat().st_size:
        raise UserError(
            f"{path} has {path.stat().st_size:,} bytes and would be unpacked to {size:,}: no"
            " numbers of a model can be packed like that.",
            "Ask whoever made it for the file that it was made from.",
        )
