"""Worker processes: how they are started, and how the daemon hears that they have ended.

To import torch and all that works with it takes seconds of processor time. Python's fork server
(`multiprocessing.forkserver`) does so once, ahead, and nothing else; a worker is forked from it in
milliseconds, and shares the memory of what was imported with the other workers. Where a process
that has imported such libraries can't safely be forked (macOS), a worker is a new process, which
imports them itself.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

ENVIRONMENT = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(1 << 28),
    "OMP_WAIT_POLICY": "passive",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}
"""What workers run with, unless the user has set it otherwise. glibc shall keep the pages that a
step has freed, for the next one: to have them anew costs more than much of the arithmetic. OpenMP's
threads shall sleep between two of torch's operations and leave the cores to our own kernels. That
there is a GPU shall be found out without touching it, since what was touched can't be forked."""

IMPORTED_AHEAD = ["engine.service.worker_imports"]

_UNKNOWN = 255
"""Exit status of a worker when the process that it was forked from has ended: then nobody would
hear of the worker's own end, so it is ended as well."""

_CAN_FORK = sys.platform == "linux"
_CONTEXT: Any = multiprocessing.get_context("forkserver" if _CAN_FORK else "spawn")


def set_environment() -> None:
    """Give this process, the daemon, what its workers are to inherit: see `ENVIRONMENT`."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


async def import_ahead() -> None:
    """See to it that there is a process to fork workers from, as far as there can be one."""
    if _CAN_FORK:
        _CONTEXT.set_forkserver_preload(IMPORTED_AHEAD)
        await asyncio.to_thread(forkserver.ensure_running)


class WorkerProcess:
    """A process that was started, and whose end this event loop hears of."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(process.sentinel, self._note_end)

    @classmethod
    async def start(cls, work: Callable[..., None], *arguments: Any, log: Path) -> "WorkerProcess":
        """Start a process that calls `work(*arguments)`, and prints into the file `log`.

        Who is cancelled meanwhile leaves none behind. Raises OSError or EOFError where none can be
        started, as for want of memory.
        """
        await import_ahead()
        process = _CONTEXT.Process(target=_run, args=(log, work, *arguments), daemon=True)
        starting = asyncio.ensure_future(asyncio.to_thread(process.start))
        try:
            await asyncio.shield(starting)  # a thread goes on when who waits for it is cancelled
        except asyncio.CancelledError:
            starting.add_done_callback(lambda _: _kill_started(process))
            raise
        return cls(process)

    @property
    def pid(self) -> int:
        pid: int = self._process.pid
        return pid

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    async def wait(self) -> int:
        """Wait until it ends; its exit status, negative for a signal, or `_UNKNOWN`."""
        await self._ended.wait()
        status: int = self._process.exitcode
        return status

    def kill(self) -> None:
        """End it at once, if it hasn't ended."""
        if self.alive:
            self._process.kill()

    def _note_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._process.join()
        if self._process.exitcode == _UNKNOWN:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._ended.set()


def _kill_started(process: Any) -> None:
    if process.pid is not None:  # else it could not be started
        process.kill()


def _run(log: Path, work: Callable[..., None], *arguments: Any) -> None:
    with log.open("wb") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    work(*arguments)
