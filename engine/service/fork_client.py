"""The fork server as the daemon sees it, and the processes that come of it."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Protocol

import msgspec

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
there is a GPU shall be found out without touching it, see `engine.service.fork_server`."""

PROGRAM = ("-P", "-m", "engine.service.fork_server")
"""What Python is to run."""
_LOOK_AGAIN = 0.2
"""Seconds between two looks at a process that nobody waits for any more."""


class Order(msgspec.Struct, frozen=True):
    """To begin a worker."""

    token: str
    """By which the worker makes itself known."""
    log: str
    """The file that gets what it prints."""


class Forked(msgspec.Struct, frozen=True, tag=True):
    """A worker has begun."""

    token: str
    pid: int
    last: bool
    """Whether this process has become the worker, so that no other will come of it."""


class Ended(msgspec.Struct, frozen=True, tag=True):
    """A worker has ended."""

    pid: int
    status: int
    """Its exit status, negative for a signal."""


Message = Forked | Ended


class Process(Protocol):
    """A process, as `asyncio.subprocess` has it."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        ...

    async def wait(self) -> int:
        """Wait until it ends."""
        ...

    def kill(self) -> None:
        """Raises ProcessLookupError if it has ended."""
        ...


class ForkedProcess:
    """A process whose end the fork server tells."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._over = asyncio.Event()

    async def wait(self) -> int:
        """Wait until it ends; its exit status, negative for a signal."""
        await self._over.wait()
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """Raises ProcessLookupError if it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, signal.SIGKILL)

    def end(self, status: int) -> None:
        """Take note that it has ended."""
        self.returncode = status
        self._over.set()

    async def end_unseen(self) -> None:
        """Wait until it has ended, when there is no fork server any more to tell its status."""
        with contextlib.suppress(ProcessLookupError):
            while True:
                os.kill(self.pid, 0)
                await asyncio.sleep(_LOOK_AGAIN)
        self.end(1)


class ForkClient:
    """One fork server: it is asked for workers, as long as it is alive."""

    doing = "spare"

    def __init__(
        self, process: asyncio.subprocess.Process, channel: socket.socket, log: Path
    ) -> None:
        self._process = process
        self._channel = channel
        self._log = log
        self._has_become_worker = False
        self._is_gone = False
        self._asked: dict[str, asyncio.Future[Process | None]] = {}
        self._forked: dict[int, ForkedProcess] = {}
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, daemon: Path, root: Path, log: Path) -> "ForkClient":
        """Start one, whose workers connect to the socket `daemon`, for the workspace at `root`."""
        ours, theirs = socket.socketpair()
        with theirs, log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *PROGRAM),
                *(str(theirs.fileno()), str(daemon), str(root)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=ENVIRONMENT | os.environ,
                pass_fds=[theirs.fileno()],
            )
        ours.setblocking(False)
        return cls(process, ours, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether workers may come of it."""
        return not (self._is_gone or self._has_become_worker)

    async def fork(self, token: str, log: Path) -> Process | None:
        """A new worker of this token, which prints into `log`. None if the server has ended."""
        asked = self._asked[token] = asyncio.get_running_loop().create_future()
        order = msgspec.json.encode(Order(token=token, log=str(log))) + b"\n"
        try:
            await asyncio.get_running_loop().sock_sendall(self._channel, order)
        except OSError:
            self._is_gone = True
        return None if self._is_gone else await asked

    async def end(self) -> None:
        """End the server, not its workers."""
        if not self._has_become_worker:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._log.unlink(missing_ok=True)

    async def _listen(self) -> None:
        loop, received = asyncio.get_running_loop(), b""
        with self._channel, contextlib.suppress(OSError):
            while more := await loop.sock_recv(self._channel, 1 << 16):
                *lines, received = (received + more).split(b"\n")
                for line in lines:
                    self._hear(msgspec.json.decode(line, type=Message))
        self._is_gone = True
        for token in list(self._asked):
            self._answer(token, None)
        await asyncio.gather(*(process.end_unseen() for process in self._forked.values()))

    def _hear(self, message: Message) -> None:
        match message:
            case Forked(token, pid, last=True):
                self._has_become_worker = True
                self._log.unlink(missing_ok=True)
                self._answer(token, self._process)
            case Forked(token, pid):
                process = self._forked[pid] = ForkedProcess(pid)
                self._answer(token, process)
            case Ended(pid, status):
                self._forked.pop(pid).end(status)

    def _answer(self, token: str, process: Process | None) -> None:
        asked = self._asked.pop(token)
        if not asked.done():  # else who asked has given up
            asked.set_result(process)
