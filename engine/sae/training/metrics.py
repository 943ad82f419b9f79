"""What a training run reports of itself, without making a GPU wait."""

import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

Metrics = dict[str, float]
"""The metrics of one step of one run by name, in the units of raw activations.

loss (what was minimised) and its other terms by name, mse (mean squared error per dimension), fvu
(squared error over the variance of the training vectors), l0 (active features per vector),
dead_fraction (share of the features that have not fired for long), grad_norm (of all parameters
together), lr.
"""


class PendingMetrics:
    """A step's metrics on their way from the device: wait for them once the next step is under way.

    Which there are: see `Metrics`.
    """

    def __init__(self, metrics: Mapping[str, Tensor], *, lr: float) -> None:
        self._names = list(metrics)
        self._lr = lr
        stacked = torch.stack([metric.detach().double() for metric in metrics.values()])
        self._host = stacked.to("cpu", non_blocking=True)
        self._arrived = None
        if stacked.is_cuda:
            self._arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._arrived.record()

    @classmethod
    def from_metrics(cls, metrics: Metrics) -> Self:
        """Metrics that have arrived already, as a checkpoint has them."""
        tensors = {
            name: torch.tensor(value, dtype=torch.float64)
            for name, value in metrics.items()
            if name != "lr"
        }
        return cls(tensors, lr=metrics["lr"])

    def wait(self) -> Metrics:
        """The metrics, once they are here."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return dict(zip(self._names, self._host.tolist(), strict=True)) | {"lr": self._lr}


class Throughput:
    """Vectors per second over the last steps, of time spent inside `with throughput:` blocks.

    What lies between the blocks (somebody paused the work) doesn't count.
    """

    def __init__(self, batch: int, window: int = 50) -> None:
        self._batch = batch
        self._seconds: deque[float] = deque(maxlen=window)
        self._steps = 0
        self._total_seconds = 0.0
        self._started = 0.0

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._seconds.append(time.perf_counter() - self._started)
        self._steps += 1
        self._total_seconds += self._seconds[-1]

    @property
    def tokens_per_second(self) -> float:
        """Vectors per second over the last steps; 0 before there was any."""
        return self._batch * len(self._seconds) / sum(self._seconds) if self._seconds else 0.0

    @property
    def mean_tokens_per_second(self) -> float:
        """Vectors per second over all steps; 0 before there was any."""
        return self._batch * self._steps / self._total_seconds if self._steps else 0.0

    def seconds_left(self, steps: int) -> float:
        """How long `steps` more steps will take."""
        return steps * self._batch / self.tokens_per_second if steps else 0.0
