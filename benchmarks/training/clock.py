"""When a training step has ended: whenever the trainer asks for its next batch.

So a step is all that a library's own loop does between two batches: forward, backward, clipping,
optimiser, bookkeeping. Scoring happens inside a request, and its time is taken out of the clock.
"""

import math
import time
from collections.abc import Callable

from benchmarks.training.messages import FEWEST_STEPS, Score, Scored


class TimeIsUpError(Exception):
    """Raised out of a request for a batch: the only way to end a loop that isn't ours."""


class Clock:
    """The times of a run's steps; it ends the run after `steps`, or `seconds` of timed ones."""

    def __init__(
        self, steps: int, *, warmup: int = 0, seconds: float = math.inf, score_every: int = 0
    ) -> None:
        self.scorer: Callable[[], Score] | None = None
        """Scores the autoencoder as it is now."""
        self.scores: list[Scored] = []
        self._steps = steps
        self._warmup = warmup
        self._seconds = seconds
        self._score_every = score_every
        self._ends: list[float] = []
        self._paused = 0.0

    def tick(self) -> None:
        """Call at each request for a batch, the first included. Raises TimeIsUpError."""
        self._ends.append(time.perf_counter() - self._paused)
        if self.scorer and self._score_every and self.steps % self._score_every == 0:
            began = time.perf_counter()
            taken = Scored(self.steps, self._ends[-1] - self._ends[0], self.scorer())
            self.scores.append(taken)
            self._paused += time.perf_counter() - began
        if self.steps >= self._steps or (
            self.timed_steps >= FEWEST_STEPS and self.timed_seconds >= self._seconds
        ):
            raise TimeIsUpError

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
