"""Arrays in files, one array a `.npy` file (no torch here)."""

import tokenize
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import UserError

_UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    OverflowError,
    TypeError,
    MemoryError,
    RecursionError,
    tokenize.TokenError,
)
"""What NumPy raises for a file that is empty, cut short, or none of its own."""


def load_array(path: Path) -> NDArray[Any]:
    """The array in a `.npy` file, memory-mapped; a UserError if it isn't whole."""
    try:
        mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except _UNREADABLE as error:
        raise UserError(f"{path} can't be read: {error}.", "Scan the SAE again.") from error
    return np.asarray(mapped)  # the same memory: a np.memmap itself takes longer at every look
