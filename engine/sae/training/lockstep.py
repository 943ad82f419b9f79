"""Progress and checkpoints of several processes that train together.

The first one tells and writes. When it is held, the others wait with it; when it is to stop or to
save, all do so at the same step. Every process asks the same at the same places.
"""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from engine.progress import Cancelled, Progress
from engine.sae.parallel import Group
from engine.sae.training.checkpointer import Checkpoints

BEAT = 10.0
"""Seconds after which the others hear again that they are to wait: less than any timeout."""
WAIT, GO, STOP = range(3)


class ProgressInStep:
    """The first process's progress, for all."""

    def __init__(self, progress: Progress, group: Group) -> None:
        self._progress = progress
        self._group = group
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="progress")

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Raises Cancelled in all processes when the first is told so."""
        told: Future[None] | None = None
        if self._group.rank == 0:
            told = self._thread.submit(self._progress, phase, done, total, unit, metrics)
        while (order := self._group.said_by_first(_order(told))) == WAIT:
            pass
        if order == STOP:
            raise Cancelled

    def note(self, text: str) -> None:
        """The first process's; what it answers, the next call says."""
        if self._group.rank == 0:
            self._thread.submit(self._progress.note, text)

    @property
    def interrupted(self) -> bool:
        """Whether the first process's work is."""
        return bool(self._group.said_by_first(self._progress.interrupted))


class CheckpointsInStep:
    """Checkpoints that the first process writes, of a state that all hand over."""

    def __init__(self, checkpoints: Checkpoints, group: Group) -> None:
        self._checkpoints = checkpoints
        self._group = group

    def due(self) -> bool:
        """As the first process's."""
        return bool(self._group.said_by_first(self._checkpoints.due()))

    def save(self, step: int, steps: int, state: dict[str, Any]) -> None:
        """As the first process's."""
        if self._group.rank == 0:
            self._checkpoints.save(step, steps, state)

    def tell(self, progress: Progress) -> None:
        """As the first process's."""
        self._checkpoints.tell(progress)


def _order(told: Future[None] | None) -> int:
    """What the first process says to all, once it has waited for an answer."""
    if told is None or not wait([told], timeout=BEAT).done:
        return WAIT
    try:
        told.result()
    except Cancelled:
        return STOP
    return GO
