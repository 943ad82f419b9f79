"""What every trainer is given."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.training.clock import Clock
from benchmarks.training.score import Snapshot, score
from benchmarks.training.sizes import Size


@dataclass(frozen=True)
class Job:
    """Train this, on these vectors, against that clock."""

    architecture: str
    size: Size
    k: int
    """Features kept per vector; of jumprelu, the L0 to reach."""
    steps: int
    """That schedules are made for."""
    pool: Tensor
    """[vectors, d_in] fp32."""
    truth: Tensor
    """[directions, d_in]."""
    held: Tensor
    """[held-out vectors, d_in]."""
    clock: Clock
    savers: list[Callable[[Path], object]] = field(default_factory=list)
    """Of one: writes the autoencoder as it is now, in its library's own files."""

    def rows(self, step: int) -> Tensor:
        """Of the pool, for a step: [batch] consecutive numbers. The pool is cycled through."""
        first = step % (len(self.pool) // self.size.batch) * self.size.batch
        return torch.arange(first, first + self.size.batch)

    def batch(self, step: int) -> Tensor:
        """The vectors of a step [batch, d_in], as a view of the pool."""
        first = int(self.rows(step)[0])
        return self.pool[first : first + self.size.batch]

    def batches(self) -> Iterator[Tensor]:
        """One after the other; each request ticks the clock, which ends the run."""
        while True:
            self.clock.tick()
            yield self.batch(self.clock.steps)

    def score_by(self, snapshot: Callable[[], Snapshot]) -> None:
        """Tell how to look at the autoencoder whenever a score is due."""
        self.clock.scorer = lambda: score(self.truth, self.held, snapshot())

    def save_by(self, save: Callable[[Path], object]) -> None:
        """Tell how to write the autoencoder to a folder, which is there."""
        self.savers.append(save)

    def warmup(self, default: int) -> int:
        """Of a library whose default is made for longer runs: a third of this one at most."""
        return min(default, self.steps // 3)
