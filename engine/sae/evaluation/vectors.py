"""What an autoencoder is evaluated on: vectors of a store, or vectors held in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from engine.activations.store.activation_set import ActivationSet


class Pair(NamedTuple):
    """Some vectors, and what should be made of each."""

    x: Tensor
    """[n, d_in], what is read"""
    target: Tensor
    """[n, d_out], what should be decoded: x itself, but for a transcoder"""


class Vectors(Protocol):
    """Vectors that can be gone through, block by block; `len` is their number."""

    def __len__(self) -> int: ...

    def blocks(self, most: int) -> Iterator[Pair]:
        """Every vector once, at most `most` at a time, in any float dtype."""
        ...


@dataclass(frozen=True)
class StoredVectors:
    """Some rows of an activation set; a transcoder's targets are the same rows of another."""

    acts: ActivationSet
    rows: Tensor
    """[n] int64"""
    targets: ActivationSet | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def blocks(self, most: int) -> Iterator[Pair]:
        """See `Vectors`."""
        for some in torch.split(self.rows, most):
            x = self.acts.rows(some)
            yield Pair(x, x if self.targets is None else self.targets.rows(some))


@dataclass(frozen=True)
class HeldVectors:
    """Vectors in memory, such as those held out of a stream."""

    x: Tensor
    """[n, d_in]"""
    target: Tensor | None = None
    """[n, d_out], for a transcoder."""

    def __len__(self) -> int:
        return len(self.x)

    def blocks(self, most: int) -> Iterator[Pair]:
        """See `Vectors`."""
        target = self.x if self.target is None else self.target
        for pair in zip(torch.split(self.x, most), torch.split(target, most), strict=True):
            yield Pair(*pair)
