"""What batches from a store and batches from a model have in common: they come out of pools."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import torch

from engine.activations.batches.source import Rows, check_same_stream
from engine.activations.batches.turnover import Turnover
from engine.errors import UserError
from engine.progress import SILENT, Progress


class PooledBatches(ABC):
    """Endless batches drawn from one pool after the other.

    Where in the stream it stands is one number, the rows drawn since its beginning; subclasses know
    from it which pool that is and how to have it again. A draw that fails, whatever the reason, is
    as if it had not been tried.
    """

    def __init__(self, batch: int) -> None:
        if batch < 1:
            raise UserError(f"There are no batches of {batch} vectors.", "Draw at least one.")
        self._batch = batch
        self._drawn = 0
        self._turnover: Turnover | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Rows:
        before = self.state_dict()
        try:
            return self._next_batch()
        except BaseException:
            self.load_state_dict(before)
            raise

    def prepare(self, progress: Progress = SILENT) -> None:
        """Bring the first pool into memory, telling `progress`; drawing does so too, silently."""
        if self._turnover is None:
            self._turnover = self._open(progress)

    def state_dict(self) -> dict[str, Any]:
        """The position in the stream: `load_state_dict` goes on with the very next batch."""
        return self._identity() | {"drawn": self._drawn}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        Raises UserError if it was taken from batches of other vectors or settings.
        """
        check_same_stream(state, self._identity())
        self._drawn = state["drawn"]
        self._turnover = None

    @abstractmethod
    def _identity(self) -> dict[str, Any]:
        """What must be the same for the stream to be the same."""

    @abstractmethod
    def _open(self, progress: Progress) -> Turnover:
        """The pool of the position that `_drawn` tells, drawn as far as that."""

    @abstractmethod
    def _turn(self, turnover: Turnover) -> None:
        """Begin the next pool, all of whose rows have arrived."""

    def _pool_at_hand(self) -> Turnover:
        self.prepare()
        assert self._turnover is not None
        if not self._turnover.left:
            self._turn(self._turnover)
        return self._turnover

    def _next_batch(self) -> Rows:
        parts = []
        missing = self._batch
        while missing:
            part = self._pool_at_hand().draw(missing)
            parts.append(part)
            drawn = len(next(iter(part.values())))
            self._drawn += drawn
            missing -= drawn
        if len(parts) == 1:
            return parts[0]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
