"""The engine daemon: one for each workspace; it has the database, the queue and the workers.

1.  The first front end that finds none starts it (`client.connect`), in a session of its own, so
    that the end of a terminal does not reach it. It takes the workspace's lock (`holder`), opens
    the database, and marks jobs as failed that ran when its predecessor ended.
2.  It listens on Unix sockets (`runtime`), and makes them anew where somebody has removed them.
    Front ends and its own workers connect to it, each with a `Hello`.
3.  A front end sends requests (`protocol`), each in an `Ask`. The handler is looked up by the type
    of the request (`handlers`); it runs on the daemon's loop, in a thread, or in the session worker
    (`session_worker`), each request in a task of its own. An `Answer` or a `Refusal` goes back.
4.  A submitted job waits in the `queue`, which has it done by a worker process taken from the
    `pool`, writes down what that reports, and sends it as `News` to the front ends that watch.
5.  A process with torch imported, from which workers are forked, is kept as long as there are front
    ends. The daemon itself never imports torch.
6.  Where nothing can be written in the workspace, it reads it: it holds no lock, has a copy of the
    database in memory, and refuses what would change the workspace. What jobs make elsewhere, it
    makes.
7.  It ends when it is told to, by SIGTERM or a request, or when it has had no client and no job
    for a while. Running jobs are cancelled; waiting ones are left to the next daemon.
"""

import asyncio
import itertools
import logging
import os
import signal
import sqlite3
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import msgspec
from websockets.asyncio.server import Server, ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

from engine.demo.prompts import SEED_PROMPTS
from engine.errors import UserError
from engine.jobs.store import JobStore
from engine.model.prompt import Prompt
from engine.service import protocol as p
from engine.service.faults import EngineFault
from engine.service.front_end import FrontEnd, publish
from engine.service.handlers.context import Context
from engine.service.handlers.registry import Handler, handler_of
from engine.service.holder import BEAT, beat, hold
from engine.service.pool import Pool
from engine.service.queue import Queue
from engine.service.runtime import socket_path, socket_paths
from engine.service.session_worker import SessionWorker
from engine.service.worker_process import set_environment
from engine.shortages import shortage_of
from engine.workspace.database import database_error, open_database, read_database
from engine.workspace.folders import Workspace
from engine.workspace.notes import NoteStore
from engine.workspace.prompts import PromptStore

IDLE = float(os.environ.get("BRAINSURG_ENGINE_IDLE", "60"))
"""Seconds without client and job after which the daemon ends."""
WARM_AFTER = 0.5
"""Seconds after which a front end that is still there may come to need a worker. Most commands ask
one thing and leave, and importing torch for them would take seconds of a processor."""

log = logging.getLogger("engine")


class Daemon:
    """Listens on a socket, and answers."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._root = _identity(workspace.root)
        self._sockets: dict[Path, tuple[int, int] | None] = {}
        self._listening: list[Server] = []
        self._started = time.monotonic()
        self._end = asyncio.Event()
        self._front_ends: set[FrontEnd] = set()
        self._answering: set[asyncio.Task[None]] = set()
        fresh = not workspace.database.exists()
        opened = read_database if workspace.is_read_only else open_database
        database = opened(workspace.database)
        self._prompts = PromptStore(database)
        if fresh:
            self._prompts.fill([Prompt(prompt=text, category=kind) for text, kind in SEED_PROMPTS])
        self._notes = NoteStore(database)
        self._jobs = JobStore(database, is_copy=workspace.is_read_only)
        if not workspace.is_read_only:
            self._jobs.close_interrupted()
            workspace.clean_up()
        self._pool = Pool(workspace, socket_path(workspace))
        self._session_worker = SessionWorker(self._pool)
        self._queue = Queue(workspace, self._jobs, self._pool, publish=self._publish)

    async def serve(self) -> None:
        """Answer until somebody says stop, or nobody has wanted anything for a while."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._end.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        await self._listen()
        log.info("serving %s, pid %d", self._workspace.root, os.getpid())
        self._queue.start_next()
        beside = (self._end_when_idle(), self._watch(), self._write_held())
        tasks = [asyncio.create_task(each) for each in beside]
        await self._end.wait()
        for task in tasks:
            task.cancel()
        for server in self._listening:
            server.server.close()  # who comes now shall start the next daemon, not talk to this one
        await self._queue.close()
        await self._pool.close()
        for server in self._listening:
            server.close()
            await server.wait_closed()
        for path in self._sockets:
            path.unlink(missing_ok=True)
        log.info("ended")

    async def _listen(self) -> None:
        """Listen where nothing of ours does. A socket in the workspace is a second way only."""
        first, *others = socket_paths(self._workspace)
        for path in (first, *others):
            if self._sockets.get(path) == _identity(path) is not None:
                continue
            usual = os.umask(0o177)  # the socket is born with mode 0600, not given it later
            try:
                path.unlink(missing_ok=True)  # left by a daemon that was killed: we hold the lock
                server = await unix_serve(
                    self._serve_connection,
                    str(path),
                    max_size=None,
                    compression=None,
                    ping_interval=None,
                    close_timeout=1,
                )
            except OSError as error:
                if path == first:
                    raise
                log.info("no socket at %s: %s", path, error)
            else:
                self._listening.append(server)
            finally:
                os.umask(usual)
            self._sockets[path] = _identity(path)

    async def _watch(self) -> None:
        """Make sockets anew that somebody has removed, and end when the workspace is gone."""
        for second in itertools.count(1):
            await asyncio.sleep(1.0)
            if _identity(self._workspace.root) != self._root:
                log.info("the workspace was moved or removed")
                self._end.set()
                return
            if self._workspace.is_read_only and os.access(self._workspace.root, os.W_OK):
                log.info("the workspace can be written now, which is for another engine")
                self._end.set()
                return
            if second % BEAT == 0 and not self._workspace.is_read_only:
                beat(self._workspace)
            try:
                await self._listen()
            except (OSError, UserError) as error:
                log.warning("nobody can reach the engine any more: %s", error)

    async def _write_held(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._queue.write_held()

    async def _serve_connection(self, connection: ServerConnection) -> None:
        try:
            hello = p.unpack(await connection.recv())
        except msgspec.DecodeError as error:
            log.warning("somebody who can't be understood has connected: %s", error)
            return
        if not isinstance(hello, p.Hello):
            log.warning("somebody has connected without a Hello")
            return
        await connection.send(p.pack(p.Hello(pid=os.getpid())))
        if not hello.worker:
            await self._serve_front_end(FrontEnd(connection))
        elif self._pool.attach(hello.worker, connection):
            await connection.wait_closed()

    async def _serve_front_end(self, front_end: FrontEnd) -> None:
        self._front_ends.add(front_end)
        warming = asyncio.get_running_loop().call_later(WARM_AFTER, self._pool.warm)
        try:
            async for data in front_end.connection:
                await self._receive(data, front_end)
        except ConnectionClosed:
            pass
        finally:
            warming.cancel()
            front_end.cancel_all()
            self._front_ends.discard(front_end)

    async def _receive(self, data: str | bytes, front_end: FrontEnd) -> None:
        """Begin to answer a frame. What can't be answered is refused, and the connection lives."""
        id = 0
        try:
            frame = p.unpack(data)
            if not isinstance(frame, p.Ask):
                raise UserError(f"A front end asks, and does not send {type(frame).__name__}.")
            id = frame.id
            request = p.decode_request(frame)
            handler = handler_of(request)
            if handler.changes:
                self._workspace.check_writable()
        except (msgspec.DecodeError, UserError) as error:
            await front_end.send(_refusal(id, error))
            return
        task = asyncio.create_task(self._answer(id, request, handler, front_end))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        if handler.cancellable:
            front_end.let_cancel(id, task)

    async def _answer(
        self, id: int, request: p.Request[Any], handler: Handler, front_end: FrontEnd
    ) -> None:
        answer: p.Answer | p.Refusal
        try:
            reply = await handler.answer(request, self._context(id, front_end))
            answer = p.Answer(id=id, body=p.encode_body(reply))
        except asyncio.CancelledError:
            answer = p.Refusal(id=id, what="This was given up.")
        except Exception as error:
            if not isinstance(error, UserError | EngineFault):
                log.exception("could not answer %s", type(request).__name__)
            answer = _refusal(id, error)
        await front_end.send(answer)

    def _context(self, ask: int, front_end: FrontEnd) -> Context:
        return Context(
            workspace=self._workspace,
            prompts=self._prompts,
            notes=self._notes,
            jobs=self._jobs,
            queue=self._queue,
            pool=self._pool,
            session_worker=self._session_worker,
            front_ends=self._front_ends,
            started=self._started,
            publish=self._publish,
            stop=self._end_soon,
            front_end=front_end,
            ask=ask,
        )

    def _end_soon(self) -> None:
        """End when the answer to whoever asked for that has been sent."""
        asyncio.get_running_loop().call_later(0.1, self._end.set)

    def _publish(self, body: p.NewsBody) -> None:
        publish([each for each in self._front_ends if each.watches], body)

    async def _end_when_idle(self) -> None:
        since = time.monotonic()
        while time.monotonic() - since < IDLE:
            await asyncio.sleep(min(1.0, IDLE / 4))
            if self._front_ends or self._queue.busy:
                since = time.monotonic()
        log.info("idle for %.0f s", IDLE)
        self._end.set()


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells the file or folder at a path from others; None where there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _refusal(id: int, error: Exception) -> p.Refusal:
    """What an error is to who asked: a sentence for what the user can mend, else a bug of ours."""
    error = _user_error(error) or error
    match error:
        case UserError():
            return p.Refusal(id=id, what=error.what, do=error.do)
        case msgspec.DecodeError():
            return p.Refusal(id=id, what=f"This frame can't be read: {error}.")
        case EngineFault():
            log.error("a worker failed:\n%s", error.trace)
            return p.Refusal(id=id, what=error.what, bug=True, trace=error.trace)
    what = f"{type(error).__name__}: {error}"
    return p.Refusal(id=id, what=what, bug=True, trace="".join(traceback.format_exception(error)))


def _user_error(error: Exception) -> UserError | None:
    """What the user can mend of an error that is none of ours: a database or a disk that fails."""
    return database_error(error) if isinstance(error, sqlite3.Error) else shortage_of(error)


class _Escaping(logging.Formatter):
    """Writes names and errors so that no terminal on which the log is looked at obeys them."""

    def format(self, record: logging.LogRecord) -> str:
        return "".join(
            c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode()
            for c in super().format(record)
        )


def main() -> int:
    """Serve the workspace named by the first argument; 1 with a sentence if that can't be."""
    output = logging.StreamHandler()
    output.setFormatter(_Escaping("%(asctime)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[output])
    logging.getLogger("websockets").setLevel(logging.WARNING)
    set_environment()
    try:
        workspace = Workspace.open(Path(sys.argv[1]))
        if workspace.is_read_only:  # others may read it, too, or write it
            asyncio.run(_serve(workspace))
        else:
            with hold(workspace, socket_paths(workspace)):
                asyncio.run(_serve(workspace))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except (sqlite3.Error, OSError) as error:
        sentence = _user_error(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return 1
    return 0


async def _serve(workspace: Workspace) -> None:
    await Daemon(workspace).serve()


if __name__ == "__main__":
    sys.exit(main())
