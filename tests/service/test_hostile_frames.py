"""Frames that no front end of ours would send: an answer or a sentence, and the connection lives.

`benchmarks.hostile_frames` draws thousands of them, of which some are sent here.
"""

from pathlib import Path

import pytest
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed

from benchmarks.hostile_frames.campaign import campaign, daemon_of
from benchmarks.mutated_files.workspace_material import write_workspace
from engine.service import protocol as p
from engine.service.pool import Pool
from engine.workspace.folders import Workspace
from tests.service.played_worker import PlayedWorker

FRAMES = 300


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions are answered in threads of this process, and no model is fetched."""

    async def take(pool: Pool, *_: object, **__: object) -> PlayedWorker:
        return PlayedWorker(pool._workspace)

    monkeypatch.setattr(Pool, "take", take)
    monkeypatch.setattr(Pool, "warm", lambda *_, **__: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


async def test_they_are_answered_or_refused(tmp_path: Path) -> None:
    write_workspace(tmp_path / "good")
    outcomes = [
        outcome
        async for outcome in campaign(FRAMES, seed=12, good=tmp_path / "good", folder=tmp_path)
    ]
    assert len(outcomes) == FRAMES
    assert [outcome for outcome in outcomes if outcome.fault] == []
    refused = sum(bool(outcome.refused) for outcome in outcomes)
    assert 0.5 * FRAMES < refused < 0.95 * FRAMES


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"\x91" * 60_000,
        p.pack(p.Hello(worker="of nobody")),
    ],
)
async def test_who_does_not_say_hello_is_let_go_and_nobody_else(
    tmp_path: Path, first: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with daemon_of(Workspace.open(tmp_path / "ws")) as path:
        async with unix_connect(str(path), compression=None) as connection:
            await connection.send(first)
            with pytest.raises(ConnectionClosed):
                while True:
                    await connection.recv()
        async with unix_connect(str(path), compression=None) as connection:
            await connection.send(p.pack(p.Hello()))
            assert isinstance(p.unpack(await connection.recv()), p.Hello)
    assert "Traceback" not in caplog.text
