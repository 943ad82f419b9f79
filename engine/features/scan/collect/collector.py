"""What all collectors have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        """Go on from the `state` that another instance had."""
        for path, array in self.state().items():
            array[...] = arrays[path]


def write_arrays(folder: Path, arrays: Arrays) -> None:
    """Every array under its path in `folder`, little-endian."""
    for path, array in arrays.items():
        file = folder / f"{path}.npy"
        file.parent.mkdir(exist_ok=True)
        np.save(file, array.astype(array.dtype.newbyteorder("<"), copy=False))
