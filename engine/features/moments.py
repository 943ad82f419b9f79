"""How often and how strongly each feature is active."""

import torch
from torch import Tensor

from engine.features.block import Block, sums_by_feature


class Moments:
    """Counts, sums and maxima over active tokens, per feature, in 20 bytes a feature."""

    def __init__(self, features: int, device: torch.device) -> None:
        self.tokens = 0
        """Rows seen."""
        self.count = torch.zeros(features, dtype=torch.int64, device=device)
        """[features]: rows on which the feature is active."""
        self.max = torch.zeros(features, dtype=torch.float32, device=device)
        """[features]: largest activation; 0 for a feature that never is active."""
        self._sum = torch.zeros(features, dtype=torch.float64, device=device)

    def add(self, block: Block) -> None:
        """Take in the rows of a block."""
        features = len(self.count)
        self.tokens += len(block.documents)
        self.count += block.features.bincount(minlength=features)
        self._sum += sums_by_feature(block.features, block.values, features)
        self.max.scatter_reduce_(0, block.features, block.values, "amax")

    @property
    def mean(self) -> Tensor:
        """[features]: mean activation over active tokens; 0 for a feature that never is active."""
        return (self._sum / self.count.clamp(min=1)).float()

    @property
    def density(self) -> Tensor:
        """[features]: share of all tokens on which the feature is active."""
        return (self.count.double() / max(1, self.tokens)).float()
