"""Where features are strongest, one place a document."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Peaks:
    """The largest activation of each active (feature, document) pair: four columns [pairs].

    Sorted by feature, then by document. Of equal activations the earliest position is kept.
    """

    features: Tensor
    documents: Tensor
    positions: Tensor
    values: Tensor

    @classmethod
    def of(cls, features: Tensor, documents: Tensor, positions: Tensor, values: Tensor) -> Self:
        """The peaks among activations, or among peaks of parts, in any order."""
        index = _sorted_by(features, documents, -values, positions)
        features, documents = features[index], documents[index]
        first = torch.ones_like(features, dtype=torch.bool)
        first[1:] = (features[1:] != features[:-1]) | (documents[1:] != documents[:-1])
        return cls(features[first], documents[first], positions[index][first], values[index][first])

    def __len__(self) -> int:
        return len(self.features)

    def among(self, wanted: Tensor) -> Self:
        """Those for which `wanted` [pairs] is true, in the same order."""
        return type(self)(
            self.features[wanted],
            self.documents[wanted],
            self.positions[wanted],
            self.values[wanted],
        )

    def strongest(self, k: int) -> tuple[Self, Tensor]:
        """The k strongest of each feature, and the rank of each from 0.

        Sorted by feature, then strongest first; of equal ones the earlier document comes first.
        """
        index = _sorted_by(self.features, -self.values, self.documents)
        features = self.features[index]
        _, inverse, counts = torch.unique_consecutive(
            features, return_inverse=True, return_counts=True
        )
        begins = counts.cumsum(0) - counts
        ranks = torch.arange(len(features), device=features.device) - begins[inverse]
        kept = ranks < k
        return self.among(index[kept]), ranks[kept]


def joined(parts: list[Peaks]) -> Peaks:
    """The peaks of several stretches of text together."""
    return Peaks.of(
        torch.cat([part.features for part in parts]),
        torch.cat([part.documents for part in parts]),
        torch.cat([part.positions for part in parts]),
        torch.cat([part.values for part in parts]),
    )


def _sorted_by(*keys: Tensor) -> Tensor:
    """The order [n] that sorts by the first key, equal ones by the second, and so on."""
    index = keys[-1].argsort(stable=True)
    for key in reversed(keys[:-1]):
        index = index[key[index].argsort(stable=True)]
    return index
