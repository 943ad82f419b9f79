"""A real engine on a workspace of its own: daemon, workers and all."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from engine.service import protocol as p
from engine.service.client import Client, attach, connect
from tests.service.runner import Runner


@pytest.fixture(scope="session", autouse=True)
def runtime_folder() -> Iterator[Path]:
    """A short folder for sockets, so that tests touch nobody's engine."""
    folder = Path(tempfile.mkdtemp(prefix="bs-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BRAINSURG_RUNTIME_DIR", str(folder))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def root(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """A workspace whose engine is stopped when the module's tests are over."""
    folder = tmp_path_factory.mktemp("engine") / "ws"
    yield folder
    client = await attach(folder)
    if client is not None:
        pid = (await client.ask(p.GetStatus())).pid
        async with client:
            await client.ask(p.Stop())
        await asyncio.to_thread(psutil.wait_procs, [psutil.Process(pid)], 10)


@pytest_asyncio.fixture(loop_scope="module")
async def client(root: Path) -> AsyncIterator[Client]:
    """A front end of that engine."""
    async with await connect(root) as connected:
        yield connected


@pytest.fixture(scope="module")
def brainsurg(tmp_path_factory: pytest.TempPathFactory, runtime_folder: Path) -> Iterator[Runner]:
    """The command on a workspace of the module's own."""
    runner = Runner(tmp_path_factory.mktemp("typed") / "ws")
    yield runner
    runner("engine", "stop")
