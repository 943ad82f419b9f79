"""Arrays in `.npy` files, one a file (no torch here)."""

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


def map_array(path: Path, do: str) -> NDArray[Any]:
    """The array in a `.npy` file, memory-mapped; a UserError that advises to `do` something where
    it isn't whole."""
    try:
        # as np.load does, which would also unpack archives
        mapped: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except _UNREADABLE as error:
        raise UserError(f"{path} can't be read: {error}.", do) from error
    return np.asarray(mapped)  # the same memory: a np.memmap itself takes longer at every look
