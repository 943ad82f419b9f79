"""Workers are forked from one process, and what becomes of that and of them is known."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from engine.errors import UserError
from engine.service import fork_client, pool
from engine.service.pool import Pool, Worker
from engine.workspace.folders import Workspace
from tests.service.real_engine import alive, until

QUICK = """
import time
from engine.service import fork_server, worker

def work(daemon, root, token):
    print("at work", flush=True)
    time.sleep(60)

worker.import_work, worker.work = lambda: None, work
fork_server._can_fork = lambda: {can_fork}
fork_server.main()
"""
"""A fork server without torch, whose workers only wait."""


@pytest_asyncio.fixture
async def workers(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pool]:
    program = QUICK.format(can_fork=getattr(request, "param", True))
    monkeypatch.setattr(fork_client, "PROGRAM", ("-P", "-c", program))
    monkeypatch.setattr(pool, "REFILL_AFTER", 0.0)
    all_of_them = Pool(Workspace.open(tmp_path / "ws"), tmp_path / "socket")
    yield all_of_them
    await all_of_them.close()


async def begun(workers: Pool, name: str) -> Worker:
    """A worker that is at work."""
    worker = await workers.take(name, name)

    async def at_work() -> bool:
        return worker.log.exists() and worker.log.read_text() == "at work\n"

    await until(at_work)
    return worker


def parent(worker: Worker) -> int:
    ppid = psutil.Process(worker.pid).ppid()
    assert isinstance(ppid, int)
    return ppid


async def test_all_are_forked_from_one_process_and_their_ends_are_told(workers: Pool) -> None:
    one, two = await asyncio.gather(begun(workers, "one"), begun(workers, "two"))
    assert [each.doing for each in workers.workers] == ["spare", "one", "two"]
    assert {parent(one), parent(two)} == {workers.workers[0].pid}
    os.kill(one.pid, signal.SIGKILL)
    assert await one.wait() == -signal.SIGKILL
    await two.end()
    assert await two.wait() == -signal.SIGKILL
    assert [each.doing for each in workers.workers] == ["spare"]


async def test_workers_outlive_the_process_that_they_were_forked_from(workers: Pool) -> None:
    one = await begun(workers, "one")
    spare = workers.workers[0].pid
    os.kill(spare, signal.SIGKILL)
    two = await begun(workers, "two")
    assert parent(two) not in (spare, parent(one))
    assert one.alive
    assert alive(one.pid)
    os.kill(one.pid, signal.SIGKILL)
    assert await one.wait() != 0
    assert not one.alive


@pytest.mark.parametrize("workers", [False], indirect=True)
async def test_where_nothing_can_be_forked_the_process_becomes_the_worker(workers: Pool) -> None:
    one = await begun(workers, "one")
    first = one.pid
    two = await begun(workers, "two")
    assert first != two.pid
    assert parent(one) == parent(two) == os.getpid()
    os.kill(one.pid, signal.SIGKILL)
    assert await one.wait() == -signal.SIGKILL
    await two.end()
    assert not two.alive
    logs = Workspace.at(one.log.parent.parent).logs

    async def only_the_spares() -> bool:
        return len(list(logs.glob("worker-*"))) == 1

    await until(only_the_spares)


async def test_a_process_that_ends_at_once_is_one_sentence(
    workers: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_client, "PROGRAM", ("-c", "raise SystemExit('no memory')"))
    with pytest.raises(UserError, match="No worker process could be started"):
        await workers.take("one", "one")


async def test_they_end_when_the_daemon_does(workers: Pool) -> None:
    await begun(workers, "one")
    pids = [each.pid for each in workers.workers]
    await workers.close()
    assert workers.workers == []
    assert not any(map(alive, pids))
    with pytest.raises(UserError, match="is ending"):
        await workers.take("two", "two")
