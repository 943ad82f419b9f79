"""Arrays in files, one array a `.npy` file (no torch here)."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from engine.arrays import map_array
from engine.errors import UserError

_AGAIN = "Scan the SAE again."

_INTEGERS, _REALS = "iu", "iufb"
"""Kinds of NumPy's dtypes."""


def load_array(path: Path) -> NDArray[Any]:
    """The array in a `.npy` file, memory-mapped; a UserError if it isn't whole."""
    return map_array(path, _AGAIN)


def load_integers(path: Path, *shape: int | None) -> NDArray[Any]:
    """As `load_array`, of integers in this shape; None stands for any length.

    Raises UserError for another array.
    """
    return _checked(load_array(path), path, shape, _INTEGERS)


def load_reals(path: Path, *shape: int | None) -> NDArray[Any]:
    """As `load_array`, of numbers in this shape; None stands for any length.

    Raises UserError for another array.
    """
    return _checked(load_array(path), path, shape, _REALS)


def damaged(path: Path, why: str) -> UserError:
    """The error that what lies at `path` is not what a scan wrote there."""
    return UserError(f"{path} is damaged: {why}.", _AGAIN)


def _checked(
    array: NDArray[Any], path: Path, shape: tuple[int | None, ...], kinds: str
) -> NDArray[Any]:
    fits = array.ndim == len(shape) and all(
        length is None or length == found for length, found in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype.kind not in kinds:
        raise damaged(path, f"it holds {array.dtype} in the shape {list(array.shape)}")
    return array
