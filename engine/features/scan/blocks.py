"""An activation set in blocks small enough to encode at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.activations.store import ActivationSet


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
    """[rows] bool: false for tokens that stand before a text (BOS), which no figure counts."""

    def __len__(self) -> int:
        return len(self.acts)


def blocks(acts: ActivationSet, rows: int, start: int = 0) -> Iterator[Block]:
    """The set in order, at most `rows` at a time; from the block on that begins at `start`."""
    starts = torch.tensor(acts.manifest.start_token_ids, dtype=torch.int32)
    for shard in acts.shards():
        for first in range(0, len(shard.acts), rows):
            if shard.start + first < start:
                continue
            here = slice(first, first + rows)
            token_ids = shard.token_ids[here]
            yield Block(
                shard.start + first,
                shard.acts[here],
                shard.document_ids[here],
                shard.positions[here],
                torch.isin(token_ids, starts, invert=True),
            )
