"""An activation set in blocks small enough to encode at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.activations.store.activation_set import ActivationSet


@dataclass(frozen=True)
class Block:
    """Consecutive rows of an activation set."""

    start: int
    """The set's row at which it begins."""
    acts: Tensor
    """[rows, d_model]."""
    documents: Tensor
    """[rows]."""
    positions: Tensor
    """[rows], within the document."""
    counted: Tensor
    """[rows] bool: false for tokens that no figure counts, such as BOS and sinks."""

    def __len__(self) -> int:
        return len(self.acts)


def blocks(
    acts: ActivationSet, counted: NDArray[np.bool_], rows: int, start: int = 0
) -> Iterator[Block]:
    """The set in order, at most `rows` at a time; from the block on that begins at `start`.

    counted: [tokens of the set]
    """
    for shard in acts.shards():
        for first in range(0, len(shard.acts), rows):
            if shard.start + first < start:
                continue
            here = slice(first, first + rows)
            begin = shard.start + first
            yield Block(
                begin,
                shard.acts[here],
                shard.document_ids[here],
                shard.positions[here],
                torch.from_numpy(counted[begin : begin + rows][: len(shard.acts) - first]),
            )
