"""What the engine takes from, and keeps for, a front end that asks too much or reads nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import unix_connect
from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

from engine.errors import UserError
from engine.features.notes import Note
from engine.jobs.events import Noted
from engine.service import front_end as front_ends
from engine.service import protocol as p
from engine.service.client import Client
from engine.service.front_end import FrontEnd, publish
from engine.workspace.folders import Workspace
from engine.workspace.notes import NoteStore
from tests.service.answering import Asker

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEGABYTE = 1 << 20
NEWS = p.QuestionProgress(ask=1, body=Noted(text="x" * MEGABYTE))


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[list[FrontEnd]]:
    """A socket at FOLDER/socket, and those who have connected."""
    connected: list[FrontEnd] = []

    async def serve(connection: ServerConnection) -> None:
        connected.append(FrontEnd(connection))
        await connection.wait_closed()

    async with unix_serve(serve, str(folder / "socket"), max_size=None, compression=None):
        yield connected


async def test_a_front_end_that_never_reads_is_cut_off_and_no_other(
    runtime_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(front_ends, "MOST_UNREAD", 4 * MEGABYTE)
    path = str(runtime_folder / "socket")
    async with (
        watched(runtime_folder) as connected,
        unix_connect(path, max_size=None, max_queue=1, compression=None) as deaf,
        unix_connect(path, max_size=None, compression=None) as reader,
    ):
        heard = 0
        for _ in range(30):
            with caplog.at_level(logging.WARNING, "engine"):
                publish(connected, NEWS)
            await asyncio.wait_for(reader.recv(), 10)
            heard += 1
            assert all(
                each.connection.transport.get_write_buffer_size() < 8 * MEGABYTE
                for each in connected
            )
        assert heard == 30
        assert [each.connection.transport.is_closing() for each in connected] == [True, False]
        assert caplog.text.count("reads no news") == 1
        with pytest.raises(ConnectionClosed):
            while True:
                await asyncio.wait_for(deaf.recv(), 10)


async def test_news_during_a_large_answer_cut_nobody_off(
    runtime_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_ends, "MOST_UNREAD", 4 * MEGABYTE)
    path = str(runtime_folder / "socket")
    async with (
        watched(runtime_folder) as connected,
        unix_connect(path, max_size=None, compression=None) as reader,
    ):
        while not connected:
            await asyncio.sleep(0.01)
        answer = p.Answer(id=1, body=p.encode_body("x" * 20 * MEGABYTE))
        sending = asyncio.create_task(connected[0].send(answer))
        await asyncio.sleep(0)
        for _ in range(3):
            connected[0].publish(NEWS)
        for _ in range(4):
            await asyncio.wait_for(reader.recv(), 10)
        await sending


async def test_others_are_answered_while_many_events_are_read(tmp_path: Path) -> None:
    ask = Asker(Workspace.open(tmp_path / "ws"))
    jobs = ask.context.jobs
    job, queued = jobs.add(p.Scan(sae="r1"))
    events = [queued, *(jobs.record(job.id, Noted(text=str(number))) for number in range(5000))]
    answering = asyncio.create_task(ask(p.GetEvents(job=job.id)))
    turns = 0
    while not answering.done():
        await asyncio.sleep(0)
        turns += 1
    assert (await answering).events == events
    assert turns > 5


@pytest.mark.parametrize(
    ("note", "what"),
    [
        (Note(label="x" * 10_001), "A label may have 10,000 characters, and here are 10,001"),
        (Note(text="x" * 1_000_001), "text of a note may have 1,000,000"),
        (Note(tags=tuple(f"{n:05}" for n in range(2001))), "tags of a feature may have 10,000"),
    ],
)
async def test_what_is_too_long_is_not_written_down(tmp_path: Path, note: Note, what: str) -> None:
    ask = Asker(Workspace.open(tmp_path / "ws"))
    notes: NoteStore = ask.context.notes
    with pytest.raises(UserError, match=what):
        notes.set("r1", 1, note)
    with pytest.raises(UserError, match=what):
        notes.merge("r1", [(0, Note(label="cities")), (1, note)])
    assert notes.of("r1") == {}
    notes.set("r1", 1, Note(label="x" * 10_000))


async def test_a_prompt_of_megabytes_is_refused(client: Client) -> None:
    with pytest.raises(UserError, match=r"1,000,000 characters.*--text"):
        await client.ask(p.SavePrompt(id=None, prompt="x" * 3_000_000, category=""))
    assert len((await client.ask(p.GetContents())).prompts) == 7
