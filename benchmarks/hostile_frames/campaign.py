"""A daemon in this process, and what it answers to each frame."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed

from benchmarks.hostile_frames.frames import frames
from engine.service import protocol as p
from engine.service.daemon import Daemon
from engine.service.queue import Queue
from engine.service.runtime import socket_path
from engine.workspace.folders import Workspace

PATIENCE = 300.0
"""Seconds in which every frame must be answered."""
AT_ONCE = 200
"""Frames to a workspace: some delete what others ask about."""


@dataclass(frozen=True)
class Outcome:
    """What came of one frame."""

    what: str
    refused: str = ""
    """What the user is told; empty where there was an answer."""
    fault: str = ""
    """A bug, a connection that ended, or no answer at all."""


async def campaign(
    count: int, seed: int, *, good: Path, folder: Path, first: int = 0
) -> AsyncIterator[Outcome]:
    """What comes of so many frames, the same for the same seed. Each lot of them goes to a daemon
    of its own, on a copy in `folder` of the workspace `good`. Jobs are queued and never begun."""
    for start in range(first, first + count, AT_ONCE):
        lot = min(AT_ONCE, first + count - start)
        root = folder / f"ws-{start}"
        shutil.copytree(good, root)
        async with daemon_of(Workspace(root)) as path:
            connection = await _connect(path)
            for what, frame in frames(lot, seed, start):
                outcome = await _outcome(what, frame, connection)
                yield outcome
                if outcome.fault:
                    await connection.close()
                    connection = await _connect(path)
            await connection.close()
        shutil.rmtree(root)


async def _outcome(what: str, frame: bytes, connection: ClientConnection) -> Outcome:
    try:
        async with asyncio.timeout(PATIENCE):
            await connection.send(frame)
            while isinstance(reply := p.unpack(await connection.recv()), p.News):
                pass
    except ConnectionClosed as error:
        return Outcome(what, fault=f"The connection ended: {error}")
    except TimeoutError:
        return Outcome(what, fault=f"There was no answer in {PATIENCE:.0f} s.")
    match reply:
        case p.Refusal(bug=True):
            return Outcome(what, fault=f"{reply.what}\n{reply.trace}")
        case p.Refusal():
            return Outcome(what, refused=reply.what)
    return Outcome(what)


async def _connect(path: Path) -> ClientConnection:
    connection = await unix_connect(
        str(path), uri="ws://engine/", max_size=None, compression=None, close_timeout=1
    )
    await connection.send(p.pack(p.Hello()))
    await connection.recv()
    return connection


@contextlib.asynccontextmanager
async def daemon_of(workspace: Workspace) -> AsyncIterator[Path]:
    """The socket of a daemon that begins no job, and ends when this does."""
    path = socket_path(workspace)
    with patch.object(Queue, "start_next"), patch.object(Daemon, "_end_soon"):
        daemon = Daemon(workspace)
        serving = asyncio.create_task(daemon.serve())
        while not path.exists():
            await asyncio.sleep(0.01)
        try:
            yield path
        finally:
            daemon._end.set()
            await serving
