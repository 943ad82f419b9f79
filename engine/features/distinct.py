"""In how many distinct documents each feature is active."""

import torch

from engine.features.block import Block


class DistinctDocuments:
    """Counts documents per feature; blocks must come in the order of their documents."""

    def __init__(self, features: int, device: torch.device) -> None:
        self.count = torch.zeros(features, dtype=torch.int64, device=device)
        """[features]."""
        self._newest = torch.full((features,), -1, dtype=torch.int64, device=device)

    def add(self, block: Block) -> None:
        """Take in the rows of a block; a document may have begun in the one before."""
        features, documents = block.peaks.features, block.peaks.documents
        new = features[documents > self._newest[features]]
        self.count += new.bincount(minlength=len(self.count))
        self._newest.scatter_reduce_(0, features, documents, "amax")
