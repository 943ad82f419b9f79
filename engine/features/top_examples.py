"""The strongest examples of each feature, from distinct documents."""

import torch
from torch import Tensor

from engine.features.block import Block
from engine.features.peaks import Peaks, joined

_WAITING = 1 << 20


class TopExamples:
    """Keeps the k documents on which each feature peaks highest: 20 · k bytes a feature.

    What may enter waits until there is enough of it to be worth a sort; a feature's bar, the
    activation of its weakest kept example, lets ever less wait as the corpus goes by.
    """

    def __init__(self, features: int, k: int, device: torch.device) -> None:
        self.documents = torch.full((features, k), -1, dtype=torch.int64, device=device)
        """[features, k], strongest first, -1 where there are fewer."""
        self.positions = torch.zeros((features, k), dtype=torch.int64, device=device)
        self.values = torch.zeros((features, k), dtype=torch.float32, device=device)
        self._waiting: list[Peaks] = []

    def add(self, block: Block) -> None:
        """Take in the rows of a block."""
        peaks = block.peaks
        full = self.documents[peaks.features, -1] >= 0
        too_weak = full & (peaks.values <= self.values[peaks.features, -1])
        self._waiting.append(peaks.among(~too_weak))
        if sum(len(part) for part in self._waiting) > _WAITING:
            self.settle()

    def settle(self) -> None:
        """Let in what waits; before that, the three arrays may be behind."""
        if not self._waiting:
            return
        waiting = joined(self._waiting)
        self._waiting = []
        k = self.documents.shape[1]
        kept = self._kept(torch.unique(waiting.features))
        strongest, ranks = joined([kept, waiting]).strongest(k)
        self.documents[strongest.features, ranks] = strongest.documents
        self.positions[strongest.features, ranks] = strongest.positions
        self.values[strongest.features, ranks] = strongest.values

    def _kept(self, features: Tensor) -> Peaks:
        """What is kept so far for some features."""
        index, slots = (self.documents[features] >= 0).nonzero(as_tuple=True)
        rows = features[index]
        return Peaks(
            rows, self.documents[rows, slots], self.positions[rows, slots], self.values[rows, slots]
        )
