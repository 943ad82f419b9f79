"""When a training step has ended: whenever the trainer asks for its next batch.

So a step is all that a library's own loop does between two batches: forward, backward, clipping,
optimiser, bookkeeping. Scoring happens inside a request, and its time is taken out of the clock.

Time is that on the wall. On a machine that has other work to do, the time that the process had of
its processors tells more: with one thread it is what a quiet machine would need.
"""

import math
import time
from collections.abc import Callable, Sequence

from benchmarks.training.messages import FEWEST_STEPS, Score, Scored


class TimeIsUpError(Exception):
    """Raised out of a request for a batch: the only way to end a loop that isn't ours."""


def now(*, processor: bool) -> float:
    """Seconds: of this process on its processors, or on the wall."""
    return time.process_time() if processor else time.perf_counter()


class Clock:
    """The times of a run's steps; it ends the run after `steps`, or `seconds` of timed ones."""

    def __init__(
        self,
        steps: int,
        *,
        warmup: int = 0,
        seconds: float = math.inf,
        score_every: int = 0,
        score_at: Sequence[float] = (),
        processor: bool = False,
    ) -> None:
        """`score_every`: steps. `score_at`: seconds, ascending, and at the end of the run: each
        time the first step is scored that ends then or later. `processor`: see `now`."""
        self.scorer: Callable[[], Score] | None = None
        """Scores the autoencoder as it is now."""
        self.scores: list[Scored] = []
        self._steps = steps
        self._warmup = warmup
        self._seconds = seconds
        self._score_every = score_every
        self._score_at = list(score_at)
        self._at_end = bool(score_at)
        self._processor = processor
        self._ends: list[float] = []
        self._paused = 0.0

    def tick(self) -> None:
        """Call at each request for a batch, the first included. Raises TimeIsUpError."""
        began = now(processor=self._processor)
        self._ends.append(began - self._paused)
        is_over = self.steps >= self._steps or (
            self.timed_steps >= FEWEST_STEPS and self.timed_seconds >= self._seconds
        )
        if self.scorer and self._score_is_due(is_over=is_over):
            taken = Scored(self.steps, self._ends[-1] - self._ends[0], self.scorer())
            self.scores.append(taken)
            self._paused += now(processor=self._processor) - began
        if is_over:
            raise TimeIsUpError

    def _score_is_due(self, *, is_over: bool) -> bool:
        seconds = self._ends[-1] - self._ends[0]
        reached = [moment for moment in self._score_at if moment <= seconds]
        del self._score_at[: len(reached)]
        by_steps = bool(self._score_every) and self.steps % self._score_every == 0
        return by_steps or bool(reached) or (is_over and self._at_end)

    @property
    def steps(self) -> int:
        """Done since the first batch."""
        return len(self._ends) - 1

    @property
    def timed_steps(self) -> int:
        """Done behind the warm-up."""
        return max(0, self.steps - self._warmup)

    @property
    def timed_seconds(self) -> float:
        """That the timed steps took."""
        return self._ends[-1] - self._ends[self._warmup] if self.timed_steps else 0.0
