"""What an engine and its workers hold, sampled while they work."""

import contextlib
import threading
from types import TracebackType
from typing import Self

import psutil

from engine.service.holder import read_holder
from engine.workspace.folders import Workspace

EVERY = 0.1
"""Seconds between two samples."""


class PeakMemory:
    """Within the block, the most memory that a workspace's engine and its workers hold together.

    Pages that several of them share are counted once, and those of files that they map too.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._end.wait(EVERY):
            self.bytes = max(self.bytes, self._held())

    def _held(self) -> int:
        holder = read_holder(self._workspace)
        if holder is None:
            return 0
        held = 0
        with contextlib.suppress(psutil.Error):
            engine = psutil.Process(holder.pid)
            for process in (engine, *engine.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    held += process.memory_full_info().pss
        return held
