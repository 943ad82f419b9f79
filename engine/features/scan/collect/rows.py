"""Tokens as an SAE's features see them: only what is active, on the CPU."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import UserError
from engine.features.scan.blocks import Block
from engine.sae.architectures.base import FindActive

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class SparseRows:
    """Consecutive tokens of an activation set and the entries that are active in each."""

    documents: Ints
    """[rows] int32."""
    positions: Ints
    """[rows] int32, within the document."""
    counted: NDArray[np.bool_]
    """[rows]: false for tokens that are in no figure, such as BOS and sinks: they have no
    entries."""
    offsets: Ints
    """[rows + 1] int64: row r has the entries from offsets[r] to offsets[r + 1]."""
    features: Ints
    """[entries] int32, ascending within a row."""
    values: NDArray[np.float32]
    """[entries]: activations, above the SAE's threshold."""

    @classmethod
    @torch.no_grad()
    def encode(cls, find: FindActive, block: Block, device: torch.device) -> Self:
        """The active features of a block of activations, as the `finder` of an SAE on a device
        finds them."""
        support, values = find(block.acts[block.counted].to(device))
        counts = torch.zeros(len(block), dtype=torch.int64)
        counts[block.counted] = support.offsets.diff().cpu()
        return cls(
            documents=block.documents.to(torch.int32).numpy(),
            positions=block.positions.to(torch.int32).numpy(),
            counted=block.counted.numpy(),
            offsets=np.concatenate([[0], counts.numpy().cumsum()]),
            features=support.features.cpu().numpy(),
            values=values.cpu().numpy(),
        )

    @classmethod
    def empty(cls) -> Self:
        """No rows, to begin a concatenation with."""
        ints = np.zeros(0, np.int32)
        offsets, values = np.zeros(1, np.int64), np.zeros(0, np.float32)
        return cls(ints, ints, np.zeros(0, np.bool_), offsets, ints, values)

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Several parts, at least one, as one."""
        counts = np.concatenate([np.diff(part.offsets) for part in parts])
        joined = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(cls)
            if field.name != "offsets"
        }
        return cls(offsets=np.concatenate([[0], counts.cumsum()]), **joined)

    def to_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """The arrays of these rows, under paths that begin with `name`."""
        return {f"{name}_{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, name: str, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rows from a copy of what `to_arrays(name)` gave; UserError for what that can't be."""
        try:
            rows = cls(**{f.name: np.array(arrays[f"{name}_{f.name}"]) for f in fields(cls)})
        except KeyError as error:
            raise UserError(f"{error.args[0]} is missing.") from error
        if not rows._fit_together():
            raise UserError(f"The arrays {name}_* don't fit together.")
        return rows

    def __len__(self) -> int:
        return len(self.documents)

    def _fit_together(self) -> bool:
        """Whether all arrays are of their types and as long as they must be."""
        empty = self.empty()
        arrays = [(getattr(self, f.name), getattr(empty, f.name)) for f in fields(self)]
        if any(array.ndim != 1 or array.dtype != like.dtype for array, like in arrays):
            return False
        rows, entries = len(self.documents), len(self.features)
        return (
            len(self.positions) == len(self.counted) == rows
            and len(self.values) == entries
            and len(self.offsets) == rows + 1
            and self.offsets[0] == 0
            and self.offsets[-1] == entries
            and bool((self.offsets[1:] >= self.offsets[:-1]).all())
        )

    def from_row(self, first: int) -> Self:
        """The rows from number `first` on."""
        entry = self.offsets[first]
        return type(self)(
            self.documents[first:],
            self.positions[first:],
            self.counted[first:],
            self.offsets[first:] - entry,
            self.features[entry:],
            self.values[entry:],
        )

    def select(self, keep: NDArray[np.bool_]) -> Self:
        """The rows for which `keep` [rows] is true."""
        counts = np.diff(self.offsets)
        entries = np.repeat(keep, counts)
        return type(self)(
            self.documents[keep],
            self.positions[keep],
            self.counted[keep],
            np.concatenate([[0], counts[keep].cumsum()]),
            self.features[entries],
            self.values[entries],
        )
