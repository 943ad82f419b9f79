"""Workers are forked from one process, and what becomes of that and of them is known."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from engine.errors import UserError
from engine.service import pool, worker_process
from engine.service.pool import Pool, Worker
from engine.workspace.folders import Workspace
from tests.service.real_engine import alive, until


def wait_long(socket: str, root: Path, token: str) -> None:
    """Stand in for a worker's work, without torch."""
    print("at work", flush=True)
    time.sleep(60)


@pytest_asyncio.fixture
async def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    monkeypatch.setattr(worker_process, "IMPORTED_AHEAD", [__name__])
    monkeypatch.setattr(pool.worker, "work", wait_long)
    all_of_them = Pool(Workspace.open(tmp_path / "ws"), tmp_path / "socket")
    yield all_of_them
    await all_of_them.close()


async def begin(workers: Pool, name: str) -> Worker:
    """A worker that is at work."""
    begun = await workers.take(name, name)

    async def at_work() -> bool:
        return begun.log.exists() and begun.log.read_text() == "at work\n"

    await until(at_work)
    return begun


def parent(worker: Worker) -> int:
    ppid = psutil.Process(worker.pid).ppid()
    assert isinstance(ppid, int)
    return ppid


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
async def test_all_are_forked_from_one_process_and_their_ends_are_known(workers: Pool) -> None:
    one, two = await asyncio.gather(begin(workers, "one"), begin(workers, "two"))
    assert [each.doing for each in workers.workers] == ["one", "two"]
    assert parent(one) == parent(two) != os.getpid()
    os.kill(one.pid, signal.SIGKILL)
    assert await one.wait() == -signal.SIGKILL
    await two.end()
    assert await two.wait() == -signal.SIGKILL
    assert workers.workers == []


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
async def test_they_end_with_the_process_that_they_were_forked_from_and_others_can_begin(
    workers: Pool,
) -> None:
    one = await begin(workers, "one")
    os.kill(parent(one), signal.SIGKILL)
    assert await one.wait() > 0

    async def ended() -> bool:
        return not alive(one.pid)

    await until(ended)
    two = await begin(workers, "two")
    assert two.alive


async def test_where_nothing_can_be_forked_each_is_a_new_process(
    workers: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "_CAN_FORK", False)
    spawn = worker_process.multiprocessing.get_context("spawn")
    monkeypatch.setattr(worker_process, "_CONTEXT", spawn)
    one = await begin(workers, "one")
    assert parent(one) == os.getpid()
    os.kill(one.pid, signal.SIGKILL)
    assert await one.wait() == -signal.SIGKILL


async def test_where_no_process_can_be_started_it_is_one_sentence(
    workers: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(self: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(worker_process._CONTEXT.Process, "start", no_memory)
    with pytest.raises(UserError, match="No worker process could be started"):
        await workers.take("one", "one")


async def test_who_gives_up_while_a_worker_starts_leaves_none_behind(
    workers: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    start = worker_process._CONTEXT.Process.start

    def start_late(process: Any) -> None:
        time.sleep(0.3)
        start(process)
        started.append(process.pid)

    monkeypatch.setattr(worker_process._CONTEXT.Process, "start", start_late)
    taking = asyncio.create_task(workers.take("one", "one"))
    await asyncio.sleep(0.1)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking

    async def ended() -> bool:
        return bool(started) and not alive(started[0])

    await until(ended)
    assert workers.workers == []
    assert not workers._expected


async def test_they_end_when_the_daemon_does(workers: Pool) -> None:
    one = await begin(workers, "one")
    await workers.close()
    assert workers.workers == []
    assert not alive(one.pid)
    with pytest.raises(UserError, match="is ending"):
        await workers.take("two", "two")
