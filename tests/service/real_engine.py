"""What tests of real processes need: patience, and a look at a process."""

import asyncio
from collections.abc import Awaitable, Callable

import psutil

from engine.service import protocol as p
from engine.service.client import Client


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    """Wait until `condition` holds; fail the test if it doesn't come to that."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie doesn't)."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def finished(client: Client, id: int, seconds: float = 120.0) -> p.JobInfo:
    """The job, when it is over."""

    async def over() -> bool:
        return (await client.ask(p.GetJob(id=id))).over

    await until(over, seconds)
    return await client.ask(p.GetJob(id=id))


async def done(client: Client, spec: p.JobSpec) -> p.JobInfo:
    """The job that did it."""
    job = await finished(client, (await client.ask(p.Submit(spec=spec))).id)
    assert job.state == "done", job.error
    return job


async def training_steps(client: Client, id: int) -> p.JobInfo:
    """A training job, when it takes steps."""

    async def stepping() -> bool:
        now = await client.ask(p.GetJob(id=id))
        assert not now.over, now.error
        progress = now.progress
        return now.pid is not None and progress is not None and progress.phase == "train"

    await until(stepping, 60)
    return await client.ask(p.GetJob(id=id))
