"""Progress and checkpoints of several processes that train together.

The first one reports and writes. When it is held, the others wait with it; when it is to stop or to
save, all do so at the same step. Every process asks the same at the same places.
"""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from engine.progress import Cancelled, Progress
from engine.sae.parallel import ProcessGroup
from engine.sae.training.checkpointer import Checkpointer

HEARTBEAT = 10.0
"""Seconds after which the others hear again that they are to wait: less than any timeout."""
WAIT, GO, STOP = range(3)


class ProgressInLockstep:
    """A `Progress` that reports to the first process's, and is interrupted in all when that is."""

    def __init__(self, progress: Progress, group: ProcessGroup) -> None:
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
        """Report to the first process's progress; raises Cancelled in all when that does."""
        answer: Future[None] | None = None
        if self._group.rank == 0:
            answer = self._thread.submit(self._progress, phase, done, total, unit, metrics)
        while (order := self._group.broadcast(_order(answer))) == WAIT:
            pass
        if order == STOP:
            raise Cancelled

    def note(self, text: str) -> None:
        """Pass a note to the first process's progress; what that raises, the next call raises."""
        if self._group.rank == 0:
            self._thread.submit(self._progress.note, text)

    @property
    def interrupted(self) -> bool:
        """Whether the first process's progress says that the work is to stop."""
        return bool(self._group.broadcast(self._progress.interrupted))


class CheckpointerInLockstep:
    """A `Checkpointer` with which the first process saves a state that all hand over."""

    def __init__(self, checkpointer: Checkpointer, group: ProcessGroup) -> None:
        self._checkpointer = checkpointer
        self._group = group

    def due(self) -> bool:
        """Whether it is time for the first process to save again, and for all to hand over."""
        return bool(self._group.broadcast(self._checkpointer.due()))

    def save(self, step: int, steps: int, state: dict[str, Any]) -> None:
        """Save in the first process where a training of `steps` stands after `step`."""
        if self._group.rank == 0:
            self._checkpointer.save(step, steps, state)

    def report(self, progress: Progress) -> None:
        """Note what came of this process's last save."""
        self._checkpointer.report(progress)


def _order(answer: Future[None] | None) -> int:
    """What all processes are to do, by what the first one's progress has answered so far."""
    if answer is None or not wait([answer], timeout=HEARTBEAT).done:
        return WAIT
    try:
        answer.result()
    except Cancelled:
        return STOP
    return GO
