"""An engine whose database can't be written for a while: nothing is lost, nothing stands still."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from engine.errors import UserError
from engine.jobs.store import JobStore
from engine.service import protocol as p
from engine.service.client import Client, connect
from engine.service.pool import Pool
from engine.service.queue import Queue
from engine.workspace.database import open_database
from engine.workspace.folders import Workspace
from tests.jobs.failing_database import FAILURES, locked
from tests.service.real_engine import finished, training_steps, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

Failure = Callable[[sqlite3.Connection, Path], AbstractContextManager[None]]


class ScriptedWorker:
    """A worker that says what a test has it say."""

    pid, log = 7, Path("job.log")

    def __init__(self) -> None:
        self.says: asyncio.Queue[p.Frame | None] = asyncio.Queue()

    async def send(self, frame: p.Frame) -> None:
        """Hear nothing."""

    async def receive(self) -> p.Frame | None:
        return await self.says.get()

    async def wait(self) -> int:
        return 0

    async def end(self, grace: float) -> None:
        self.says.put_nowait(None)

    dismiss = end


class ScriptedPool:
    """Hands out workers, and keeps them for the test."""

    def __init__(self) -> None:
        self.workers: list[ScriptedWorker] = []

    async def take(self, doing: str, log: str) -> ScriptedWorker:
        self.workers.append(ScriptedWorker())
        return self.workers[-1]


async def _settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0.002)


def import_of(root: Path, name: str) -> p.ImportActivations:
    folder = root / "folder"
    folder.mkdir(exist_ok=True)
    return p.ImportActivations(name=name, folder=str(folder))


@pytest.mark.parametrize("failure", FAILURES)
async def test_the_queue_goes_on_and_no_job_loses_its_state(
    tmp_path: Path, failure: Failure
) -> None:
    workspace = Workspace.open(tmp_path / "ws")
    database = open_database(workspace.database)
    store, pool = JobStore(database), ScriptedPool()
    heard: list[p.NewsBody] = []
    queue = Queue(workspace, store, cast(Pool, cast(Any, pool)), publish=heard.append)
    first, second, third = (queue.submit(import_of(tmp_path, n)).id for n in ("a", "b", "c"))
    await _settle()
    with failure(database, workspace.database):
        pool.workers[0].says.put_nowait(p.WorkProgress(p.Noted(text="x" * 9000)))
        pool.workers[0].says.put_nowait(p.WorkProgress(p.Progressed(phase="read", done=1)))
        await _settle()
        queue.write_held()
        queue.write_held()
        assert store.get(first).state == "running"
        await queue.pause(first)
        await _settle()
        assert (store.get(first).state, store.get(second).state) == ("paused", "running")
        await queue.resume(first)
        pool.workers[0].says.put_nowait(None)
        await _settle()
        assert store.get(first).state == "failed"
        assert (await queue.cancel(second)).state == "cancelled"
        await _settle()
        assert store.get(third).state == "running"
        assert queue.busy
        with pytest.raises(sqlite3.Error):
            store.add(p.Scan(sae="d" * 9000))

    queue.write_held()
    said = [
        (event.job, event.body.text)
        for event in heard
        if isinstance(event, p.Event) and isinstance(event.body, p.Noted)
    ]
    assert [(job, "can't be used" in text) for job, text in said[1:-1]] == [(first, True)]
    assert said[-1][0] == third
    assert "written again" in said[-1][1]
    again = JobStore(open_database(workspace.database))
    assert [again.get(id).state for id in (first, second, third)] == [
        "failed",
        "cancelled",
        "running",
    ]
    assert again.events(None, after=0) == [e for e in heard if isinstance(e, p.Event)]
    await queue.close()


async def test_a_locked_database_stops_neither_jobs_nor_what_is_asked_of_them(
    client: Client, root: Path, tiny_llama_path: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n\n".join(f"Story {i}: once there was a dog named {i}." for i in range(40)))
    capture = p.Capture(
        name="short", model=str(tiny_llama_path), sites=["resid_post.1"], texts=[str(texts)]
    )
    await finished(client, (await client.ask(p.Submit(spec=capture))).id)
    spec = p.Train(name="r1", activations="short", width=64, k=4, tokens=10**12, batch=64)
    training = await client.ask(p.Submit(spec=spec))
    waiting = await client.ask(p.Submit(spec=replace(capture, name="next")))
    await training_steps(client, training.id)
    database = Workspace(root).database
    with locked(sqlite3.connect(database), database):
        before = (await client.ask(p.GetJob(id=training.id))).progress
        with pytest.raises(UserError, match=r"database can't be used.*locked.*try again"):
            await client.ask(p.SavePrompt(id=None, prompt="Why?", category=""))
        with pytest.raises(UserError, match="database can't be used"):
            await client.ask(p.Submit(spec=replace(capture, name="third")))

        async def told() -> bool:
            events = (await client.ask(p.GetEvents(job=training.id))).events
            return any(isinstance(e.body, p.Noted) and "locked" in e.body.text for e in events)

        await until(told)

        async def going_on() -> bool:
            return (await client.ask(p.GetJob(id=training.id))).progress != before

        await until(going_on)
        assert (await client.ask(p.PauseJob(id=training.id))).state == "paused"
        assert (await client.ask(p.ResumeJob(id=training.id))).state == "running"
        assert (await client.ask(p.CancelJob(id=training.id))).state == "cancelled"
        assert (await finished(client, waiting.id)).state == "done"
    await client.ask(p.SavePrompt(id=None, prompt="Why?", category=""))

    async def written() -> bool:
        with sqlite3.connect(database) as reader:
            states = dict(reader.execute("SELECT id, state FROM jobs"))
        return {states[training.id], states[waiting.id]} == {"cancelled", "done"}

    await until(written)
    async with await connect(root) as other:
        jobs = (await other.ask(p.ListJobs())).jobs
    assert [job.state for job in jobs] == ["done", "cancelled", "done"]
