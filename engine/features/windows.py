"""Each kept example's surroundings: the feature's activation at the tokens around it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.features.top_examples import TopExamples

_AT_ONCE = 1 << 20


class Windows:
    """Fills `window.npy` [features, top_k, 2 · radius + 1] float32, the example in the middle.

    The file is mapped and grows on disk only where a feature has examples: at most
    features · top_k · (2 · radius + 1) · 4 bytes, 65 MB for 24,576 features with 20 examples and a
    radius of 16. In memory lie 44 bytes an example.
    """

    def __init__(
        self,
        folder: Path,
        examples: TopExamples,
        document_bounds: Tensor,
        *,
        radius: int,
        threshold: float,
    ) -> None:
        """`document_bounds` [documents + 1]: document i has rows bounds[i] to bounds[i + 1].

        Activations that are not above `threshold` count as 0.
        """
        features, slots = (examples.documents >= 0).nonzero(as_tuple=True)
        documents = examples.documents[features, slots].cpu()
        rows = document_bounds[documents] + examples.positions[features, slots].cpu()
        order = rows.argsort(stable=True)
        self._rows = rows[order]
        self._features = features.cpu()[order]
        self._slots = slots.cpu()[order]
        self._values = examples.values[features, slots].cpu()[order]
        self._first = document_bounds[documents[order]]
        self._end = document_bounds[documents[order] + 1]
        self._radius = radius
        self._threshold = threshold
        self._file = np.lib.format.open_memmap(
            folder / "window.npy",
            "w+",
            np.dtype("<f4"),
            (*examples.documents.shape, 2 * radius + 1),
        )

    def wanted(self, start: int, rows: int) -> Tensor:
        """Which of the set's rows from `start` on lie in a window: [rows] bool."""
        here = self._reaching(start, rows)
        begins = (self._rows[here] - self._radius).maximum(self._first[here]) - start
        ends = (self._rows[here] + self._radius + 1).minimum(self._end[here]) - start
        open_windows = begins.clamp(0, rows).bincount(minlength=rows + 1)
        open_windows -= ends.clamp(0, rows).bincount(minlength=rows + 1)
        return open_windows.cumsum(0)[:rows] > 0

    def add(self, start: int, acts: Tensor, taken: Tensor) -> None:
        """Take in the rows from `start` on for which `taken` [rows] is true, with their acts
        [taken rows, features]; the window is 0 at others."""
        place = taken.cumsum(0) - 1
        for examples, offsets, targets in self._cells(start, taken):
            features, slots = self._features[examples], self._slots[examples]
            values = acts[place[targets].to(acts.device), features.to(acts.device)]
            values = values.where(values > self._threshold, 0)
            self._file[features.numpy(), slots.numpy(), offsets.numpy()] = values.cpu().numpy()

    def close(self) -> None:
        """Bring everything to the file.

        In the middle of each window goes the very activation that made it an example: encoded among
        other rows, the same token may differ in its last bits.
        """
        self._file[self._features.numpy(), self._slots.numpy(), self._radius] = self._values.numpy()
        self._file.flush()

    def _reaching(self, start: int, rows: int) -> slice:
        """The examples that lie within a radius of some rows."""
        ends = torch.tensor([start - self._radius, start + rows + self._radius])
        first, last = torch.searchsorted(self._rows, ends).tolist()
        return slice(first, last)

    def _cells(self, start: int, taken: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Every cell of a window that falls on one of the rows from `start` on that are `taken`
        [rows], a bounded number at a time: the example, the offset from the window's start, and the
        row counted from `start`."""
        rows, width = len(taken), 2 * self._radius + 1
        here = self._reaching(start, rows)
        step = max(1, _AT_ONCE // width)
        for begin in range(here.start, here.stop, step):
            some = torch.arange(begin, min(begin + step, here.stop)).unsqueeze(1)
            targets = self._rows[some] - self._radius + torch.arange(width)
            inside = (targets >= self._first[some]) & (targets < self._end[some])
            inside &= (targets >= start) & (targets < start + rows)
            inside &= taken[(targets - start).clamp(0, rows - 1)]
            index, offsets = inside.nonzero(as_tuple=True)
            yield some[index, 0], offsets, targets[index, offsets] - start
