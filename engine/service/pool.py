"""Worker processes as the daemon sees them: begun, handed out, ended.

A worker is a process with torch in it. Importing torch takes seconds, so one process is kept that
has done it and holds nothing else, the spare; workers are forked from it (`fork_client`). Where it
can't be forked it becomes the worker itself, and another is started a little later, when the worker
has had the processor to itself.
"""

import asyncio
import contextlib
import secrets
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from engine.errors import UserError
from engine.service.fork_client import ForkClient, Process
from engine.service.protocol import Abandon, Frame, pack, unpack
from engine.workspace.folders import Workspace

_TRIES = 2
"""Spares that may end, as for want of memory, before a worker has come of them."""
REFILL_AFTER = 3.0
"""Seconds from handing out a spare that can't be forked to starting the next."""


class Worker:
    """One worker process and the connection that it opens to us."""

    def __init__(
        self,
        doing: str,
        process: Process,
        connection: "asyncio.Future[ServerConnection]",
        log: Path,
    ) -> None:
        """`connection` is there when the process has opened it."""
        self.doing = doing
        self.log = log
        self._process = process
        self._connection = connection

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

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
        self._workers: list[Worker] = []
        self._expected: dict[str, asyncio.Future[ServerConnection]] = {}
        self._spare: ForkClient | None = None
        self._refill: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._closed = False

    @property
    def workers(self) -> list[Worker | ForkClient]:
        """Those that are alive, the spare among them."""
        self._workers = [worker for worker in self._workers if worker.alive]
        spares = [] if self._spare is None or not self._spare.alive else [self._spare]
        return [*spares, *self._workers]

    def attach(self, token: str, connection: ServerConnection) -> bool:
        """Take the connection that the worker of this token has opened. False: there is none."""
        expected = self._expected.pop(token, None)
        if expected is None:
            return False
        expected.set_result(connection)
        return True

    def warm(self, after: float = 0.0) -> None:
        """See to it that there is a spare, in `after` seconds."""
        if self._refill is None or self._refill.done():
            self._refill = asyncio.create_task(self._warm(after))

    async def take(self, doing: str, log: str) -> Worker:
        """A worker that nobody else uses; what it prints is in the log of that name.

        Raises UserError when the pool is closed.
        """
        async with self._one_at_a_time:
            worker = await self._begin(doing, self._workspace.logs / f"{log}.log")
            self._workers.append(worker)
        self.warm(after=REFILL_AFTER)
        return worker

    async def close(self) -> None:
        """Kill every worker; there will be no other."""
        async with self._one_at_a_time:
            self._closed = True
        await asyncio.gather(*(worker.end() for worker in self.workers))

    async def _warm(self, after: float) -> None:
        await asyncio.sleep(after)
        async with self._one_at_a_time:
            if not self._closed:
                await self._ready()

    async def _begin(self, doing: str, log: Path) -> Worker:
        token = secrets.token_hex(16)
        # Before it is forked: it may connect before we hear of it.
        expected = self._expected[token] = asyncio.get_running_loop().create_future()
        for _ in range(_TRIES):
            process = await (await self._ready()).fork(token, log)
            if process is not None:
                return Worker(doing, process, expected, log)
        raise UserError(
            "No worker process could be started.", f"What it said is in {self._workspace.logs}."
        )

    async def _ready(self) -> ForkClient:
        if self._closed:
            raise UserError("The engine is ending.")
        if self._spare is None or not self._spare.alive:
            log = self._workspace.logs / f"worker-{secrets.token_hex(4)}.log"
            self._spare = await ForkClient.start(self._socket, self._workspace.root, log)
        return self._spare
