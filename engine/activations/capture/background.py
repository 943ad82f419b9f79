"""Work in a thread beside, so that what asks for it need not wait: copying, checking and writing
activations while the model runs."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

WAITING = 2
"""Pieces that may wait for the thread: what they hold is memory."""


class Background:
    """One thread that does pieces of work in the order in which they are given.

        with Background() as background:
            background.do(lambda: write(batch))

    Everything is done when the block ends well. After a piece that has failed no other is done, and
    what it raised is raised by the next call, or at the end of the block.
    """

    def __init__(self, waiting: int = WAITING) -> None:
        self._waiting = waiting
        self._pieces: deque[Future[None]] = deque()
        self._failed = False

    def __enter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.shutdown()  # what was given is done, also where the block failed
        if error is None:
            self.finish()

    def do(self, work: Callable[[], None]) -> None:
        """Have `work` done; wait while too much of it waits already."""
        while self._pieces and (len(self._pieces) > self._waiting or self._pieces[0].done()):
            self._pieces.popleft().result()
        self._pieces.append(self._thread.submit(self._run, work))

    def finish(self) -> None:
        """Wait until all is done."""
        while self._pieces:
            self._pieces.popleft().result()

    def _run(self, work: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            work()
        except BaseException:
            self._failed = True
            raise
