"""The engine daemon: one for each workspace; it has the database, the queue and the workers.

It is started by the first front end that finds none (`engine.service.client`), in a session of
its own, so that the end of a terminal does not reach it; it ends by itself when it has had no
client and no job for a while.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
import traceback
from importlib.metadata import version
from pathlib import Path

import msgspec
from websockets.asyncio.server import ServerConnection, broadcast, unix_serve
from websockets.exceptions import ConnectionClosed

from engine.activations.corpus import Prompt
from engine.demo.prompts import SEED_PROMPTS
from engine.errors import UserError
from engine.jobs.conflicts import check_conflicts
from engine.jobs.events import Event
from engine.jobs.store import Ledger
from engine.service import machine
from engine.service import protocol as p
from engine.service.answers import Answers
from engine.service.faults import EngineFault
from engine.service.pool import Pool
from engine.service.questions import Questions
from engine.service.queue import Queue
from engine.service.runtime import only_daemon, socket_path
from engine.service.searches import Search
from engine.workspace.database import open_database
from engine.workspace.folders import Workspace
from engine.workspace.notes import Notes
from engine.workspace.prompts import Prompts

IDLE = float(os.environ.get("BRAINSURG_ENGINE_IDLE", "60"))
"""Seconds without client and job after which the daemon ends."""

log = logging.getLogger("engine")


class Daemon:
    """Listens on a socket, and answers."""

    def __init__(self, workspace: Workspace, socket: Path) -> None:
        self._workspace = workspace
        self._socket = socket
        self._started = time.monotonic()
        self._end = asyncio.Event()
        self._clients: set[ServerConnection] = set()
        self._watchers: set[ServerConnection] = set()
        self._answering: set[asyncio.Task[None]] = set()
        fresh = not workspace.database.exists()
        database = open_database(workspace.database)
        prompts = Prompts(database)
        if fresh:
            prompts.fill([Prompt(prompt=text, category=kind) for text, kind in SEED_PROMPTS])
        self._ledger = Ledger(database)
        self._ledger.close_interrupted()
        workspace.sweep()
        self._pool = Pool(workspace, socket)
        self._questions = Questions(self._pool)
        self._queue = Queue(
            workspace, self._ledger, self._pool, tell=self._tell, changed=self._changed
        )
        self._answers = Answers(
            workspace, prompts, Notes(database), self._ledger, changed=self._changed
        )

    async def serve(self) -> None:
        """Answer until somebody says stop, or nobody has wanted anything for a while."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        self._socket.unlink(missing_ok=True)  # left by a daemon that was killed: we hold the lock
        usual = os.umask(0o177)  # the socket is born with mode 0600, not given it a moment later
        async with unix_serve(
            self._connected,
            str(self._socket),
            max_size=None,
            compression=None,
            ping_interval=None,
            close_timeout=1,
        ) as server:
            os.umask(usual)
            log.info("serving %s on %s, pid %d", self._workspace.root, self._socket, os.getpid())
            self._queue.pump()
            idle = asyncio.create_task(self._end_when_idle())
            await self._end.wait()
            idle.cancel()
            server.server.close()  # who comes now shall start the next daemon, not talk to this one
            await self._queue.close()
            await self._pool.close()
        log.info("ended")

    async def _connected(self, connection: ServerConnection) -> None:
        hello = p.unpack(_bytes(await connection.recv()))
        assert isinstance(hello, p.Hello)
        await connection.send(p.pack(p.Hello(pid=os.getpid())))
        if hello.worker:
            worker = self._pool.by_token(hello.worker)
            if worker is not None:
                worker.connected(connection)
                await connection.wait_closed()
        else:
            await self._serve_client(connection)

    async def _serve_client(self, connection: ServerConnection) -> None:
        self._clients.add(connection)
        self._pool.warm()
        questions: dict[int, asyncio.Task[None]] = {}
        try:
            async for data in connection:
                frame = p.unpack(_bytes(data))
                assert isinstance(frame, p.Ask)
                if isinstance(frame.request, p.CancelQuestion):
                    if (question := questions.pop(frame.request.ask, None)) is not None:
                        question.cancel()
                    await connection.send(p.pack(p.Answer(id=frame.id, body=p.Done())))
                    continue
                task = asyncio.create_task(self._answer(connection, frame, questions))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
                if isinstance(frame.request, p.Question | Search):
                    questions[frame.id] = task
        except ConnectionClosed:
            pass
        finally:
            # Nobody waits for these answers. Changes that were asked for are still made.
            for task in list(questions.values()):
                task.cancel()
            self._clients.discard(connection)
            self._watchers.discard(connection)

    async def _answer(
        self, connection: ServerConnection, ask: p.Ask, questions: dict[int, asyncio.Task[None]]
    ) -> None:
        reply: p.Answer | p.Refusal
        try:
            reply = p.Answer(id=ask.id, body=await self._reply(connection, ask))
        except asyncio.CancelledError:
            reply = p.Refusal(id=ask.id, what="This was given up.")
        except UserError as error:
            reply = p.Refusal(id=ask.id, what=error.what, do=error.do)
        except EngineFault as error:
            log.error("a worker failed:\n%s", error.trace)
            reply = p.Refusal(id=ask.id, what=error.what, bug=True, trace=error.trace)
        except Exception as error:
            log.exception("could not answer %s", type(ask.request).__name__)
            what = f"{type(error).__name__}: {error}"
            reply = p.Refusal(id=ask.id, what=what, bug=True, trace=traceback.format_exc())
        questions.pop(ask.id, None)
        with contextlib.suppress(ConnectionClosed):
            await connection.send(p.pack(reply))

    async def _reply(self, connection: ServerConnection, ask: p.Ask) -> p.ReplyBody:
        request = ask.request
        if self._answers.can(request):
            return await self._answers.answer(request)
        match request:
            case p.Submit(spec=spec):
                spec.check(self._workspace)
                check_conflicts(spec, self._ledger.pending(), self._workspace)
                return self._queue.submit(spec)
            case p.CancelJob(id=id):
                return await self._queue.cancel(id)
            case p.PauseJob(id=id):
                return await self._queue.pause(id)
            case p.ResumeJob(id=id):
                return await self._queue.resume(id)
            case request if isinstance(request, p.Question):

                def report(body: p.Progressed | p.Noted) -> None:
                    news = p.QuestionProgress(ask=ask.id, body=body)
                    broadcast([connection], p.pack(p.News(news)))

                reply = await self._questions.ask(request, report)
                return self._answers.labelled(request, reply)
            case p.Watch():
                self._watchers.add(connection)
                return p.Done()
            case p.GetStatus():
                return self._status()
            case p.Stop():
                asyncio.get_running_loop().call_later(0.1, self._end.set)
                return p.Done()
        raise AssertionError(f"nobody answers {type(request).__name__}")

    def _status(self) -> p.Status:
        used, total = machine.memory()
        return p.Status(
            pid=os.getpid(),
            uptime=time.monotonic() - self._started,
            version=version("brainsurg"),
            workspace=str(self._workspace.root),
            device=machine.device(),
            jobs=self._ledger.count(),
            workers=[
                p.WorkerInfo(pid=w.pid, doing=w.doing, bytes=machine.resident(w.pid))
                for w in self._pool.workers
            ],
            gpus=machine.gpus(),
            memory_used=used,
            memory_total=total,
            clients=len(self._clients),
        )

    def _tell(self, event: Event) -> None:
        broadcast(self._watchers, p.pack(p.News(event)))

    def _changed(self) -> None:
        broadcast(self._watchers, p.pack(p.News(p.ContentsChanged())))

    async def _end_when_idle(self) -> None:
        since = time.monotonic()
        while time.monotonic() - since < IDLE:
            await asyncio.sleep(min(1.0, IDLE / 4))
            if self._clients or self._queue.busy:
                since = time.monotonic()
        log.info("idle for %.0f s", IDLE)
        self._end.set()


def _bytes(data: str | bytes) -> bytes:
    if isinstance(data, str):
        raise msgspec.ValidationError("a frame is binary")
    return data


def main() -> int:
    """Serve the workspace named by the first argument; 1 with a sentence if that can't be."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    try:
        workspace = Workspace.open(Path(sys.argv[1]))
        with only_daemon(workspace):
            socket = socket_path(workspace)
            asyncio.run(_serve(workspace, socket))
            socket.unlink(missing_ok=True)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _serve(workspace: Workspace, socket: Path) -> None:
    await Daemon(workspace, socket).serve()


if __name__ == "__main__":
    sys.exit(main())
