"""An activation set in stretches small enough to encode at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.activations.store import ActivationSet


@dataclass(frozen=True)
class Stretch:
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
    """[rows] bool: false for tokens that are left out of every figure."""

    def __len__(self) -> int:
        return len(self.acts)


def stretches(acts: ActivationSet, rows: int, left_out: int | None) -> Iterator[Stretch]:
    """The whole set in order, at most `rows` at a time; `left_out` is a token id not to count."""
    for shard in acts.shards():
        for first in range(0, len(shard.acts), rows):
            here = slice(first, first + rows)
            token_ids = shard.token_ids[here]
            counted = torch.ones(len(token_ids), dtype=torch.bool)
            if left_out is not None:
                counted = token_ids != left_out
            yield Stretch(
                shard.start + first,
                shard.acts[here],
                shard.document_ids[here],
                shard.positions[here],
                counted,
            )
