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
    """Takes in rows, the next where the last ended."""

    @abstractmethod
    def add(self, rows: SparseRows) -> None:
        """Take in rows."""

    @abstractmethod
    def state(self) -> Arrays:
        """All that it knows: with these, and nothing else, it can go on."""

    def derived(self) -> Arrays:
        """What a catalogue has beside that, worked out from it."""
        return {}

    def restore(self, arrays: Arrays) -> None:
        """Be what another was when it held `arrays`."""
        for path, array in self.state().items():
            array[...] = arrays[path]


def write_arrays(folder: Path, arrays: Arrays) -> None:
    """Every array under its path in `folder`, little-endian."""
    for path, array in arrays.items():
        file = folder / f"{path}.npy"
        file.parent.mkdir(exist_ok=True)
        np.save(file, array.astype(array.dtype.newbyteorder("<"), copy=False))
