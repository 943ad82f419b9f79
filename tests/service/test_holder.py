"""A workspace whose engine can't be found where it is looked for first, with real daemons."""

import os
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import psutil
import pytest
import pytest_asyncio

from engine.errors import UserError
from engine.service import client as module
from engine.service import protocol as p
from engine.service.client import Client, attach, connect
from engine.service.holder import SILENCE, Holder, end_holder, living_holder
from engine.service.runtime import socket_path
from engine.workspace.folders import Workspace
from tests.service.real_engine import alive, until
from tests.service.runner import Runner


@pytest_asyncio.fixture
async def root(tmp_path: Path) -> AsyncIterator[Path]:
    """A workspace; its engine is ended behind the test."""
    root = tmp_path / "ws"
    yield root
    end_holder(root)


async def _pid(client: Client) -> int:
    return (await client.ask(p.GetStatus())).pid


async def test_a_socket_that_was_removed_is_made_anew(root: Path) -> None:
    async with await connect(root) as client:
        pid = await _pid(client)
        sockets = [socket_path(Workspace(root)), root / "engine.sock"]
        for path in sockets:
            path.unlink()

        async def there() -> bool:
            return all(path.exists() for path in sockets)

        await until(there, 10)
        async with await connect(root) as again:
            assert await _pid(again) == pid


async def test_it_is_found_from_logins_with_other_runtime_folders(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where each login has a /tmp of its own, or the folder was removed."""
    async with await connect(root) as client:
        monkeypatch.setenv("BRAINSURG_RUNTIME_DIR", str(tmp_path / "r"))
        async with await connect(root) as other:
            assert await _pid(other) == await _pid(client)


async def test_a_workspace_that_was_renamed_is_served_under_its_new_name(
    root: Path, tmp_path: Path
) -> None:
    async with await connect(root) as client:
        pid = await _pid(client)
        await client.ask(p.SavePrompt(prompt="is kept"))
    moved = tmp_path / "moved"
    root.rename(moved)
    async with await connect(moved) as client:
        assert await _pid(client) != pid
        contents = await client.ask(p.GetContents())
        assert contents.prompts[-1].prompt == "is kept"
    assert not root.exists()
    end_holder(moved)


async def test_an_engine_on_another_host_is_named_and_left_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.open(root)
    elsewhere = Holder(
        host="gpu7", pid=1, root=str(root), sockets=["/x"], started=time.time(), slurm_job="77"
    )
    path = root / "engine.json"
    path.write_bytes(msgspec.json.encode(elsewhere))
    named = r"process 1 on gpu7, since .*, in Slurm job 77"
    with pytest.raises(UserError, match=named):
        await connect(root)
    with pytest.raises(UserError, match=named):
        end_holder(root)
    assert "gpu7" in Runner(root).shows("engine", "status")
    silent = time.time() - SILENCE - 1
    os.utime(path, (silent, silent))  # it was killed, or its host
    async with await connect(root) as client:
        assert (await client.ask(p.GetStatus())).workspace == str(workspace.root)
    assert living_holder(root) is not None


async def test_one_that_does_not_answer_can_be_ended(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await connect(root) as client:
        pid = await _pid(client)
    monkeypatch.setattr(module, "ATTACH_TIMEOUT", 0.5)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(UserError, match="engine stop"):
            await attach(root)
        holder = living_holder(root)
        assert holder is not None
        assert (holder.pid, holder.host) == (pid, socket.gethostname())
    finally:
        os.kill(pid, signal.SIGCONT)
    assert end_holder(root)
    assert not alive(pid)


async def test_one_that_was_killed_is_not_taken_for_alive(root: Path) -> None:
    async with await connect(root) as client:
        pid = await _pid(client)
    psutil.Process(pid).kill()

    async def gone() -> bool:
        return not alive(pid)

    await until(gone)
    assert living_holder(root) is None
    assert not end_holder(root)
    async with await connect(root) as client:
        assert await _pid(client) != pid


def test_a_runtime_folder_that_was_removed(root: Path) -> None:
    brainsurg = Runner(root)
    brainsurg.shows("contents")
    shutil.rmtree(socket_path(Workspace(root)).parent)
    assert brainsurg.json("engine", "status")["running"]
    assert "ended" in brainsurg.shows("engine", "stop")
