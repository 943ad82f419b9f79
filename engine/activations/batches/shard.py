"""One process's part of every batch, where several train together in data parallel."""

from collections.abc import Mapping
from typing import Any, Self

from engine.activations.batches.source import Rows, Source
from engine.progress import SILENT, Progress


class BatchShard:
    """The rows from rank / size to (rank + 1) / size of each batch of a source.

    Every process draws the whole batch, so that the order is the one of a single process, and where
    the stream stands is the same for all.
    """

    def __init__(self, source: Source, rank: int, size: int) -> None:
        self._source = source
        self._rank = rank
        self._size = size

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Rows:
        return {
            name: rows.chunk(self._size)[self._rank] for name, rows in next(self._source).items()
        }

    def prepare(self, progress: Progress = SILENT) -> None:
        """Open the source, so that the next batch can be drawn; `progress` hears how far it is."""
        self._source.prepare(progress)

    def sample(self, most: int) -> Rows:
        """Up to `most` vectors to initialise from: the same for every process."""
        return self._source.sample(most)

    def state_dict(self) -> dict[str, Any]:
        """The position behind the last batch, the same for every process."""
        return self._source.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken. Raises UserError if that was another stream."""
        self._source.load_state_dict(state)
