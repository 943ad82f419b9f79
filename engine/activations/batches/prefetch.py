"""Having the next batch ready before it is asked for."""

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from engine.activations.batches.source import Batches, Rows


class _Ready(NamedTuple):
    rows: Rows
    state: dict[str, Any]
    """The position behind this batch."""
    arrived: torch.cuda.Event | None
    """When a copy to a GPU is done; None: it isn't under way."""


class Prefetched:
    """Batches made by a thread of their own while the last one is worked on, on a device.

        with Prefetched(batches, device) as ready:
            for _ in range(steps):
                trainer.step(next(ready))
                …  ready.state_dict()       # behind the batch received last, whatever is ahead

    What goes wrong in the thread is raised here by the `next` that should have given the batch.
    Nothing begins before the first `next`. A model whose activations are streamed belongs to the
    thread: whoever else wants to run it lets the thread `rest` first.

    From the CPU to a GPU batches go through pinned memory, on a stream of their own, while the GPU
    computes. Memory: `ahead` batches at every site, on the device; for a GPU as many pinned ones.
    """

    def __init__(
        self, batches: Batches, device: torch.device | str = "cpu", *, ahead: int = 2
    ) -> None:
        self._batches = batches
        self._device = torch.device(device)
        self._ahead = ahead
        self._copies = (
            torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
            if self._device.type == "cuda"
            else None
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        self._coming: deque[Future[_Ready]] = deque()
        self._state = batches.state_dict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Rows:
        while len(self._coming) < self._ahead:
            self._coming.append(self._thread.submit(self._make))
        ready = self._coming.popleft().result()
        self._coming.append(self._thread.submit(self._make))
        self._state = ready.state
        if ready.arrived is not None:
            here = torch.cuda.current_stream(self._device)
            here.wait_event(ready.arrived)
            for rows in ready.rows.values():
                rows.record_stream(here)
        return ready.rows

    def state_dict(self) -> dict[str, Any]:
        """The position behind the batch that was received last."""
        return self._state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken; what was ahead is dropped."""
        self._drop()
        self._batches.load_state_dict(state)
        self._state = self._batches.state_dict()

    def rest(self) -> None:
        """Wait until the thread has made what it may; until the next `next` it then does nothing.

        So the model is free meanwhile, and no memory of a GPU is asked for.
        """
        wait(self._coming)

    def close(self) -> None:
        """End the thread, and put the batches back behind the one received last."""
        self.load_state_dict(self._state)
        self._thread.shutdown()

    def _drop(self) -> None:
        for future in self._coming:
            future.cancel()
        self.rest()
        self._coming.clear()

    def _make(self) -> _Ready:
        batch = next(self._batches)
        state = self._batches.state_dict()
        if self._copies is None:
            rows = {name: part.to(self._device) for name, part in batch.items()}
            return _Ready(rows, state, arrived=None)
        with torch.cuda.stream(self._copies):
            rows = {name: self._copy(part) for name, part in batch.items()}
            return _Ready(rows, state, self._copies.record_event())

    def _copy(self, rows: Tensor) -> Tensor:
        pinned = rows.pin_memory() if rows.device.type == "cpu" else rows
        return pinned.to(self._device, non_blocking=True)
