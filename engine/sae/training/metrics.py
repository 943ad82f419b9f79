"""What a training run reports of itself, without making a GPU wait."""

import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import torch
from torch import Tensor


class Reading:
    """A step's figures on their way from the device; ask for them once the next is under way.

    In the units of raw activations: loss (what was minimised) and its other terms by name, mse
    (mean squared error per dimension), fvu (squared error over the variance of the training
    vectors), l0 (active features per vector), dead_fraction (share of the features that have not
    fired for long), grad_norm (of all parameters together), lr.
    """

    def __init__(self, figures: Mapping[str, Tensor], *, lr: float) -> None:
        self._names = list(figures)
        self._lr = lr
        stacked = torch.stack([figure.detach().float() for figure in figures.values()])
        self._host = stacked.to("cpu", non_blocking=True)
        self._arrived = None
        if stacked.is_cuda:
            self._arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._arrived.record()

    @classmethod
    def of(cls, figures: Mapping[str, float]) -> Self:
        """A reading that was read before."""
        tensors = {name: torch.tensor(value) for name, value in figures.items() if name != "lr"}
        return cls(tensors, lr=figures["lr"])

    def figures(self) -> dict[str, float]:
        """Wait for them, if need be."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return dict(zip(self._names, self._host.tolist(), strict=True)) | {"lr": self._lr}


class Pace:
    """Vectors per second over the last steps, of time spent inside `with pace:` blocks.

    What lies between the blocks (somebody paused the work) doesn't count.
    """

    def __init__(self, batch: int, window: int = 50) -> None:
        self._batch = batch
        self._seconds: deque[float] = deque(maxlen=window)
        self._steps = 0
        self._total_seconds = 0.0
        self._began = 0.0

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._seconds.append(time.perf_counter() - self._began)
        self._steps += 1
        self._total_seconds += self._seconds[-1]

    @property
    def tokens_per_second(self) -> float:
        """Vectors per second; 0 before there was any."""
        return self._batch * len(self._seconds) / sum(self._seconds) if self._seconds else 0.0

    @property
    def mean_tokens_per_second(self) -> float:
        """The same over all steps, not only the last ones."""
        return self._batch * self._steps / self._total_seconds if self._steps else 0.0

    def seconds_left(self, steps: int) -> float:
        """How long `steps` more steps will take."""
        return steps * self._batch / self.tokens_per_second if steps else 0.0
