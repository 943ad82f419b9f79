"""A worker in this process."""

import asyncio
import os
import threading

from engine.service import protocol as p
from engine.service import worker
from engine.service.reporter import Reporter
from engine.workspace.folders import Workspace


class PlayedWorker:
    """A worker without a process: it does in a thread what a worker process does."""

    def __init__(self, workspace: Workspace) -> None:
        self.doing = ""
        self.log = workspace.logs / "played.log"
        self.pid = os.getpid()
        self.alive = True
        self._loop = asyncio.get_running_loop()
        self._frames: asyncio.Queue[bytes] = asyncio.Queue()
        self._reporter = Reporter(lambda body: self._say(p.WorkProgress(body)))
        self._do = worker._prepare(workspace, self._reporter)

    def _say(self, frame: p.Frame) -> None:
        self._loop.call_soon_threadsafe(self._frames.put_nowait, p.pack(frame))

    async def send(self, frame: p.Frame) -> None:
        received = p.unpack(p.pack(frame))
        if isinstance(received, p.Abandon):
            self._reporter.abandon()
        assert isinstance(received, p.RunJob | p.Ask | p.Abandon)
        if not isinstance(received, p.Abandon):
            self._reporter.renew()
            threading.Thread(target=self._work, args=(received,), daemon=True).start()

    def _work(self, work: p.RunJob | p.Ask) -> None:
        self._say(worker._outcome(work, self._do, threading.Event()))

    async def receive(self) -> p.Frame | None:
        return p.unpack(await self._frames.get())

    async def end(self, grace: float = 0.0) -> None:
        self.alive = False

    async def dismiss(self, grace: float) -> None:
        await self.send(p.Abandon())
