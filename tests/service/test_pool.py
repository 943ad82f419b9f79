"""What worker processes are started with."""

import asyncio
from pathlib import Path

import psutil
import pytest

from engine.service import protocol as p
from engine.service.client import connect
from engine.service.worker_process import ENVIRONMENT
from tests.service.real_engine import until


async def test_workers_have_settings_of_ours_but_for_those_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MALLOC_TOP_PAD_", "4096")
    async with await connect(tmp_path / "ws") as client:
        status = await client.ask(p.GetStatus())

        async def ready() -> bool:
            return bool(psutil.Process(status.pid).children())

        await until(ready)
        seen = psutil.Process(status.pid).children()[0].environ()
        engine = psutil.Process(status.pid)
        await client.ask(p.Stop())
    await asyncio.to_thread(psutil.wait_procs, [engine], 10)
    assert {name: seen[name] for name in ENVIRONMENT} == {**ENVIRONMENT, "MALLOC_TOP_PAD_": "4096"}
