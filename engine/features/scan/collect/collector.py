"""What all collectors have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import UserError
from engine.features.scan.collect.rows import SparseRows

Arrays = Mapping[str, NDArray[Any]]
"""Path in a catalogue, without `.npy`, to array. What lies in `state/` is for going on alone."""


class Collector(ABC):
    """Gathers one kind of figure of all features from rows of tokens, each call going on after the
    last."""

    @abstractmethod
    def add(self, rows: SparseRows) -> None:
        """Count in the next rows."""

    @abstractmethod
    def state(self) -> Arrays:
        """The arrays from which, and from nothing else, the collector can go on."""

    def derived(self) -> Arrays:
        """Further arrays of the catalogue, computed from the state."""
        return {}

    def restore(self, arrays: Arrays) -> None:
        """Go on from the `state` that another instance had.

        Raises UserError, and may be half restored, if an array is missing or none of that state.
        """
        for path, array in self.state().items():
            array[...] = stored_array(arrays, path, like=array)


def stored_array(arrays: Arrays, path: str, *, like: NDArray[Any]) -> NDArray[Any]:
    """The array under `path`; UserError if it is missing, or has another type or shape."""
    array = arrays.get(path)
    if array is None:
        raise UserError(f"{path} is missing.")
    if (array.shape, array.dtype) != (like.shape, like.dtype):
        raise UserError(
            f"{path} is {array.dtype} {array.shape}, and not {like.dtype} {like.shape}."
        )
    return array


def write_arrays(folder: Path, arrays: Arrays) -> None:
    """Every array under its path in `folder`, little-endian."""
    for path, array in arrays.items():
        file = folder / f"{path}.npy"
        file.parent.mkdir(exist_ok=True)
        np.save(file, array.astype(array.dtype.newbyteorder("<"), copy=False))
