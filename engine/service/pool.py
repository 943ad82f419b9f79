"""Worker processes as the daemon sees them: started ahead, handed out, ended.

A worker is a process with torch in it. Importing torch takes seconds, so one spare is kept that
has done it and holds nothing else; whoever needs a worker takes the spare, and another is started
a little later, when the first has had the processor to itself.
"""

import asyncio
import contextlib
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from engine.errors import UserError
from engine.service.protocol import Abandon, Frame, pack, unpack
from engine.service.runtime import logs_folder
from engine.workspace.folders import Workspace

TOKEN = "BRAINSURG_WORKER_TOKEN"
"""Environment variable that tells a worker how to make itself known."""

ENVIRONMENT = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(1 << 28),
    "OMP_WAIT_POLICY": "passive",
}
"""What workers run with, unless the user has set it otherwise. glibc shall keep the pages that a
step has freed, for the next one: to have them anew costs more than much of the arithmetic. OpenMP's
threads shall sleep between two of torch's operations and leave the cores to our own kernels."""

REFILL_AFTER = 3.0
"""Seconds from handing out the spare to starting the next."""


class Worker:
    """One worker process and the connection that it opens to us."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.doing = "spare"
        self.log = log
        self._process = process
        self._connection: asyncio.Future[ServerConnection] = (
            asyncio.get_running_loop().create_future()
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def attach(self, connection: ServerConnection) -> None:
        """Take the connection that the process has opened."""
        self._connection.set_result(connection)

    async def send(self, frame: Frame) -> None:
        """Tell the worker something; nothing happens if it is gone."""
        connection = await self._reach()
        if connection is not None:
            with contextlib.suppress(ConnectionClosed):
                await connection.send(pack(frame))

    async def receive(self) -> Frame | None:
        """The next thing that the worker says, None when it is gone. Cancelling loses nothing."""
        connection = await self._reach()
        if connection is None:
            return None
        try:
            data = await connection.recv()
        except ConnectionClosed:
            return None
        return unpack(data)

    async def wait(self) -> int:
        """Wait for the process to end; its exit status, negative for a signal."""
        return await self._process.wait()

    async def end(self, grace: float = 0.0) -> None:
        """Give the process `grace` seconds to end by itself, then kill it."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), grace)
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def dismiss(self, grace: float) -> None:
        """Ask the work to give up; kill the process if it has not ended after `grace` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self.send(Abandon())
                await self._process.wait()
        await self.end()

    async def _reach(self) -> ServerConnection | None:
        """The connection, or None if the process ended before it opened one."""
        if self._connection.done():
            return self._connection.result()
        over = asyncio.ensure_future(self._process.wait())
        first: list[asyncio.Future[Any]] = [over, self._connection]
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        return self._connection.result() if self._connection.done() else None


class Pool:
    """All worker processes of a daemon."""

    def __init__(self, workspace: Workspace, socket: Path) -> None:
        self._workspace = workspace
        self._socket = socket
        self._workers: dict[str, Worker] = {}
        self._spare: Worker | None = None
        self._refill: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._closed = False

    @property
    def workers(self) -> list[Worker]:
        """Those that are alive."""
        self._workers = {t: w for t, w in self._workers.items() if w.alive}
        return list(self._workers.values())

    def by_token(self, token: str) -> Worker | None:
        """The worker that was started with this token."""
        return self._workers.get(token)

    def warm(self, after: float = 0.0) -> None:
        """See to it that there is a spare, in `after` seconds."""
        if self._refill is None or self._refill.done():
            self._refill = asyncio.create_task(self._warm(after))

    async def take(self, doing: str, log: str) -> Worker:
        """A worker that nobody else uses; what it prints from now on is in the log of that name.

        Raises UserError when the pool is closed.
        """
        async with self._one_at_a_time:
            worker, self._spare = await self._ready(), None
        worker.doing = doing
        with contextlib.suppress(FileNotFoundError):  # somebody tidied the logs up
            worker.log = worker.log.rename(logs_folder(self._workspace) / f"{log}.log")
        self.warm(after=REFILL_AFTER)
        return worker

    async def close(self) -> None:
        """Kill every worker; there will be no other."""
        async with self._one_at_a_time:
            self._closed = True
        await asyncio.gather(*(worker.end() for worker in self.workers))
        if self._spare is not None:
            self._spare.log.unlink(missing_ok=True)

    async def _warm(self, after: float) -> None:
        await asyncio.sleep(after)
        async with self._one_at_a_time:
            if not self._closed:
                await self._ready()

    async def _ready(self) -> Worker:
        if self._closed:
            raise UserError("The engine is ending.")
        if self._spare is None or not self._spare.alive:
            self._spare = await self._start()
        return self._spare

    async def _start(self) -> Worker:
        token = secrets.token_hex(16)
        log = logs_folder(self._workspace) / f"worker-{token[:8]}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "engine.service.worker",
                str(self._socket),
                str(self._workspace.root),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**ENVIRONMENT, **os.environ, TOKEN: token},
            )
        worker = Worker(process, log)
        self._workers[token] = worker
        return worker
