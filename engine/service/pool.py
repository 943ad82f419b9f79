"""Worker processes as the daemon sees them: begun, handed out, ended.

How a process is started stands in `engine.service.worker_process`.
"""

import asyncio
import contextlib
import secrets
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from engine.errors import UserError
from engine.service import worker
from engine.service.protocol import Abandon, Frame, pack, unpack
from engine.service.runtime import logs_folder
from engine.service.worker_process import WorkerProcess, import_ahead
from engine.workspace.folders import Workspace

_TRIES = 2
"""How often a process is started that ends, as for want of memory, before it is a worker."""


class Worker:
    """One worker process and the connection that it opens to us."""

    def __init__(
        self,
        doing: str,
        process: WorkerProcess,
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
        return self._process.alive

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
        self._warming: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._closed = False

    @property
    def workers(self) -> list[Worker]:
        """Those that are alive."""
        self._workers = [worker for worker in self._workers if worker.alive]
        return list(self._workers)

    def attach(self, token: str, connection: ServerConnection) -> bool:
        """Take the connection that the worker of this token has opened. False: there is none."""
        expected = self._expected.pop(token, None)
        if expected is None:
            return False
        expected.set_result(connection)
        return True

    def warm(self) -> None:
        """See to it, while other things go on, that the next worker will begin at once."""
        if self._warming is None or self._warming.done():
            self._warming = asyncio.create_task(import_ahead())

    async def take(self, doing: str, log: str) -> Worker:
        """A worker that nobody else uses; what it prints is in the log of that name.

        Raises UserError when the pool is closed, and where no process can be started.
        """
        async with self._one_at_a_time:
            if self._closed:
                raise UserError("The engine is ending.")
            begun = await self._begin(doing, logs_folder(self._workspace) / f"{log}.log")
            self._workers.append(begun)
        return begun

    async def close(self) -> None:
        """Kill every worker; there will be no other."""
        async with self._one_at_a_time:
            self._closed = True
        await asyncio.gather(*(worker.end() for worker in self.workers))

    async def _begin(self, doing: str, log: Path) -> Worker:
        token = secrets.token_hex(16)
        # Before it is started: it may connect before we hear of it.
        expected = self._expected[token] = asyncio.get_running_loop().create_future()
        arguments = (str(self._socket), self._workspace.root, token)
        try:
            for _ in range(_TRIES):
                with contextlib.suppress(OSError, EOFError):
                    process = await WorkerProcess.start(worker.work, *arguments, log=log)
                    return Worker(doing, process, expected, log)
        except asyncio.CancelledError:
            self._expected.pop(token, None)
            raise
        del self._expected[token]
        raise UserError(
            "No worker process could be started.",
            f"Memory may be short. The logs are in {logs_folder(self._workspace)}.",
        )
