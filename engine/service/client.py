"""How a front end reaches the engine: connect, start the daemon if there is none, ask, listen."""

import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from filelock import AsyncFileLock, Timeout
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from engine.errors import UserError
from engine.service import protocol as p
from engine.service.faults import EngineFault, EngineGoneError
from engine.service.holder import read_holder
from engine.service.runtime import is_own_socket, logs_folder, socket_path, socket_paths
from engine.workspace.folders import Workspace

R = TypeVar("R")

START_TIMEOUT = 20.0
"""Seconds in which a daemon must answer after it was started."""
ATTACH_TIMEOUT = 10.0
"""Seconds in which a daemon that runs must answer."""


class Client:
    """A connection to the engine daemon of one workspace."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[p.Request[Any], asyncio.Future[Any]]] = {}
        self._reports: dict[int, Callable[[p.Progressed | p.Noted], None]] = {}
        self._news: asyncio.Queue[p.NewsBody | None] = asyncio.Queue()
        self._listening = asyncio.create_task(self._listen())

    async def ask(
        self,
        request: p.Request[R],
        report: Callable[[p.Progressed | p.Noted], None] | None = None,
    ) -> R:
        """The answer to `request`; `report` hears how far a long question is.

        Raises UserError for what the user can mend, EngineFault for a bug of ours and
        EngineGoneError when the connection is lost. Cancelling gives a question up; a change that
        was asked for is made all the same.
        """
        if self._listening.done():
            raise EngineGoneError("the engine has ended")
        id = next(self._ids)
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting[id] = request, answer
        if report is not None:
            self._reports[id] = report
        try:
            await self._send_request(id, request)
            return await answer
        except asyncio.CancelledError:
            with contextlib.suppress(EngineGoneError):
                await self._send_request(next(self._ids), p.CancelRequest(ask=id))
            raise
        finally:
            self._waiting.pop(id, None)
            self._reports.pop(id, None)

    async def news(self) -> AsyncIterator[p.NewsBody]:
        """What happens without being asked, after a `Watch`; ends when the connection does."""
        while (body := await self._news.get()) is not None:
            yield body

    async def close(self) -> None:
        """Leave. What was submitted goes on."""
        await self._connection.close()
        await self._listening

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _send_request(self, id: int, request: p.Request[Any]) -> None:
        try:
            data = p.pack(p.Ask(id=id, request=p.encode_body(request)))
        except (OverflowError, UnicodeEncodeError) as error:
            raise UserError(f"This can't be sent to the engine: {error}.") from error
        try:
            await self._connection.send(data)
        except ConnectionClosed as error:
            raise EngineGoneError("the engine has ended") from error

    async def _listen(self) -> None:
        try:
            async for data in self._connection:
                self._receive(p.unpack(data))
        except ConnectionClosed:
            pass
        finally:
            for _, answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(EngineGoneError("the engine has ended"))
            self._news.put_nowait(None)

    def _receive(self, frame: p.Frame) -> None:
        match frame:
            case p.News(p.QuestionProgress(ask=id, body=body)) if id in self._reports:
                self._reports[id](body)
            case p.News(body):
                self._news.put_nowait(body)
            case p.Answer() | p.Refusal() if frame.id in self._waiting:
                request, answer = self._waiting[frame.id]
                if not answer.done():
                    _settle(answer, frame, request)


def _settle(
    answer: "asyncio.Future[R]", frame: p.Answer | p.Refusal, request: p.Request[R]
) -> None:
    """End the wait for the answer to `request` with what came for it."""
    match frame:
        case p.Refusal(bug=True):
            answer.set_exception(EngineFault(frame.what, frame.trace))
        case p.Refusal():
            answer.set_exception(UserError(frame.what, frame.do))
        case p.Answer():
            try:
                answer.set_result(p.decode_reply(frame, request))
            except msgspec.DecodeError as error:
                answer.set_exception(EngineFault(f"The engine's answer can't be read: {error}"))


async def connect(root: Path) -> Client:
    """A connection to the engine of the workspace at `root`, started if none runs.

    Raises UserError if the workspace can be neither written nor read, or the engine can't start.
    """
    workspace = Workspace.open(root)
    client = await _attach(workspace)
    return client if client is not None else await _start(workspace)


async def attach(root: Path) -> Client | None:
    """A connection to the engine that already runs for the workspace at `root`, or None."""
    return await _attach(Workspace.at(root))


async def _attach(workspace: Workspace) -> Client | None:
    for path in _reachable_sockets(workspace):
        client = await _attach_at(path, workspace)
        if client is not None:
            return client
    return None


def _reachable_sockets(workspace: Workspace) -> list[Path]:
    """Where the workspace's engine may listen, as seen from here."""
    holder = read_holder(workspace)
    if holder is not None and holder.root != str(workspace.root):
        return []  # it began before the workspace was moved, and is ending
    written = [] if holder is None else [Path(path) for path in holder.sockets]
    first, *others = socket_paths(workspace)
    return [first, *filter(is_own_socket, dict.fromkeys([*others, *written]))]


async def _attach_at(path: Path, workspace: Workspace) -> Client | None:
    try:
        async with asyncio.timeout(ATTACH_TIMEOUT):
            connection = await unix_connect(
                str(path),
                uri="ws://engine/",
                max_size=None,
                compression=None,
                ping_interval=None,
                open_timeout=None,
                close_timeout=1,
            )
            await connection.send(p.pack(p.Hello(pid=os.getpid())))
            data = await connection.recv()
    except (OSError, InvalidHandshake, ConnectionClosed) as error:
        if isinstance(error, TimeoutError):
            raise UserError(
                f"The engine of {workspace.root} runs but does not answer.",
                f"Its log is {_log(workspace)}; end it with: brainsurg engine stop",
            ) from None
        return None  # there is none, or it is just ending
    hello = p.unpack(data)
    assert isinstance(hello, p.Hello)
    if hello.version != p.VERSION:
        await connection.close()
        raise UserError(
            f"The engine that runs here (process {hello.pid}) is of another version.",
            "End it with: brainsurg engine stop",
        )
    return Client(connection)


async def _start(workspace: Workspace) -> Client:
    # Two front ends that start at once must not both start a daemon.
    lock = AsyncFileLock(socket_path(workspace).with_suffix(".lock"), timeout=START_TIMEOUT)
    try:
        async with lock:
            client = await _attach(workspace)
            return client if client is not None else await _start_locked(workspace)
    except Timeout:
        raise _too_slow(workspace) from None


async def _start_locked(workspace: Workspace) -> Client:
    log = _log(workspace)
    with log.open("ab") as output:
        before = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.service.daemon", str(workspace.root)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=workspace.root,
        )
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        client = await _attach(workspace)
        if client is not None:
            return client
        if process.poll() is not None:
            printed = log.read_bytes()[before:].decode(errors="replace").strip()
            last = printed.splitlines()[-1] if printed else f"status {process.returncode}"
            raise UserError(f"The engine could not start: {last}", f"Its log is {log}.")
        await asyncio.sleep(0.03)
    raise _too_slow(workspace)


def _too_slow(workspace: Workspace) -> UserError:
    return UserError(
        f"The engine did not answer within {START_TIMEOUT:.0f} seconds.",
        f"Its log is {_log(workspace)}.",
    )


def _log(workspace: Workspace) -> Path:
    return logs_folder(workspace) / "engine.log"
