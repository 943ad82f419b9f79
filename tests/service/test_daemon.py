"""The daemon as a process: how it starts, who may reach it, what it survives, how it ends."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from engine.errors import UserError
from engine.service import protocol as p
from engine.service.client import Client, attach, connect
from engine.service.runtime import socket_path
from engine.workspace.folders import Workspace
from tests.service.real_engine import alive, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _torch_is_loaded(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


async def test_it_starts_by_itself_and_opens_on_seven_prompts(client: Client, root: Path) -> None:
    contents = await client.ask(p.GetContents())
    assert contents.workspace == str(root)
    assert len(contents.prompts) == 7
    assert contents.prompts[1].prompt == "What is the capital of France?"


async def test_many_front_ends_that_start_at_once_share_one_daemon(tmp_path: Path) -> None:
    clients = await asyncio.gather(*(connect(tmp_path / "ws") for _ in range(5)))
    pids = {(await client.ask(p.GetStatus())).pid for client in clients}
    assert len(pids) == 1
    await clients[0].ask(p.Stop())
    for client in clients:
        await client.close()


async def test_nobody_else_can_reach_its_socket(client: Client, root: Path) -> None:
    socket = socket_path(Workspace(root))
    assert stat.S_IMODE(socket.stat().st_mode) & 0o177 == 0
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


async def test_a_runtime_folder_that_others_can_open_is_refused(
    root: Path, runtime_folder: Path
) -> None:
    runtime_folder.chmod(0o755)
    try:
        with pytest.raises(UserError, match="open to other users"):
            await attach(root)
    finally:
        runtime_folder.chmod(0o700)


async def test_a_second_daemon_on_the_same_workspace_says_so(client: Client, root: Path) -> None:
    command = [sys.executable, "-P", "-m", "engine.service.daemon", str(root)]
    second = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "Another engine already serves" in second.stderr
    assert (await client.ask(p.GetStatus())).workspace == str(root)


async def test_an_engine_that_hangs_is_one_sentence_and_not_a_wait_for_ever(
    client: Client, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.service.client.ATTACH_TIMEOUT", 0.2)
    pid = (await client.ask(p.GetStatus())).pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(UserError, match="does not answer"):
            await attach(root)
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_the_end_of_a_terminal_does_not_reach_it(tmp_path: Path) -> None:
    """A front end on a terminal of its own is hung up; the engine it started goes on."""
    root = tmp_path / "ws"
    code = (
        "import asyncio, sys; from pathlib import Path; from engine.service.client import connect\n"
        "async def main():\n"
        "    client = await connect(Path(sys.argv[1])); print('connected', flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", code, str(root)]
    front, terminal = os.forkpty()
    if front == 0:
        os.execv(sys.executable, command)
    await asyncio.to_thread(os.read, terminal, 100)
    os.close(terminal)  # the terminal goes away: the kernel hangs up everybody on it
    await until(lambda: _ended(front))
    async with await connect(root) as again:
        status = await again.ask(p.GetStatus())
        assert status.uptime > 0
        os.kill(status.pid, signal.SIGHUP)
        assert (await again.ask(p.GetStatus())).pid == status.pid
        await again.ask(p.Stop())


async def _ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] == pid


async def test_it_ends_by_itself_when_nobody_wants_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAINSURG_ENGINE_IDLE", "0.5")
    async with await connect(tmp_path / "ws") as client:
        pid = (await client.ask(p.GetStatus())).pid
        await asyncio.sleep(1.0)
        assert (await client.ask(p.GetStatus())).pid == pid

    async def ended() -> bool:
        return not alive(pid)

    await until(ended, 10)
    assert await attach(tmp_path / "ws") is None


async def test_it_has_no_torch_and_what_its_workers_are_forked_from_has(client: Client) -> None:
    status = await client.ask(p.GetStatus())
    assert not _torch_is_loaded(status.pid)

    async def warm() -> bool:
        children = psutil.Process(status.pid).children()
        return any(_torch_is_loaded(child.pid) for child in children)

    await until(warm, 60)


async def test_a_killed_daemon_takes_its_workers_along_and_the_next_one_says_what_was_lost(
    tmp_path: Path, tiny_llama_path: Path
) -> None:
    root = tmp_path / "ws"
    texts = tmp_path / "texts.txt"
    texts.write_text("\n\n".join(f"There was a dog named {i}." for i in range(20_000)))
    async with await connect(root) as client:
        spec = p.Capture(
            name="long", model=str(tiny_llama_path), sites=["resid_post.0"], texts=[str(texts)]
        )
        job = await client.ask(p.Submit(spec=spec))

        async def running() -> bool:
            return (await client.ask(p.GetJob(id=job.id))).progress is not None

        await until(running, 60)
        status = await client.ask(p.GetStatus())
        os.kill(status.pid, signal.SIGKILL)

    async def gone() -> bool:
        return not any(alive(worker.pid) for worker in status.workers)

    await until(gone)
    async with await connect(root) as client:
        job = await client.ask(p.GetJob(id=job.id))
        assert job.state == "failed"
        assert "engine ended" in job.error
        assert list((root / "activations").iterdir()) == []
        await client.ask(p.Stop())


@pytest.mark.parametrize("module", ["engine.service.daemon", "engine.service.client"])
async def test_no_torch_is_imported(module: str) -> None:
    code = (
        f"import sys, {module}; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    ran = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
