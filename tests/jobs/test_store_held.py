"""Jobs in a database that can't be written: nothing is lost, and all is written when it can be."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from engine.jobs import store as job_store
from engine.jobs.events import Event, Noted, Progressed, StateChanged
from engine.jobs.kinds import Scan, ScanResult
from engine.jobs.store import JobStore
from engine.workspace.database import open_database
from tests.jobs.failing_database import FAILURES, damage

Failure = Callable[[sqlite3.Connection, Path], AbstractContextManager[None]]

RESULT = ScanResult(
    sae="r1", activations="a", features=8, tokens=9, alive=7, seconds=1.0, tokens_per_second=9.0
)
LONG = Noted(text="x" * 9000)
"""More than a page."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.sqlite"


def line(done: int) -> Progressed:
    return Progressed(phase="scan", done=done, total=9)


@pytest.mark.parametrize("failure", FAILURES)
def test_what_cannot_be_written_is_held_and_written_later(path: Path, failure: Failure) -> None:
    database = open_database(path)
    store = JobStore(database)
    job, queued = store.add(Scan(sae="r1"))
    waiting, also_queued = store.add(Scan(sae="r2"))
    events = [queued, also_queued]
    with failure(database, path):
        events += [store.record(job.id, LONG), store.set_state(job.id, "running", pid=1)]
        events += [store.record(job.id, line(done)) for done in range(3)]
        assert store.trouble is not None
        assert store.get(job.id).state == "running"
        assert store.get(job.id).progress == line(2)
        events.append(store.set_state(job.id, "done", result=RESULT))
        store.write()
        assert store.get(job.id).result == RESULT
        assert [each.state for each in store.all()] == ["done", "queued"]
        assert store.in_state("queued") == [waiting]
        assert store.count() == {"done": 1, "queued": 1}
        assert store.events(None, after=0) == events
        assert store.events(job.id, after=events[-2].seq) == events[-1:]
        with pytest.raises(sqlite3.Error):
            database.execute("INSERT INTO prompts (prompt, category) VALUES (?, '')", ("x" * 9000,))

    store.write()
    assert store.trouble is None
    assert store.unwritten == []
    again = JobStore(open_database(path))
    assert again.events(None, after=0) == events == store.events(None, after=0)
    assert again.all() == store.all()
    assert again.get(job.id).result == RESULT
    assert again.record(job.id, LONG).seq == events[-1].seq + 1


@pytest.mark.parametrize("failure", FAILURES)
def test_a_job_that_cannot_be_written_down_is_not_there(path: Path, failure: Failure) -> None:
    database = open_database(path)
    store = JobStore(database)
    with failure(database, path), pytest.raises(sqlite3.Error):
        store.add(Scan(sae="r" * 9000))
    assert store.all() == store.pending() == store.events(None, after=0) == []
    job, queued = store.add(Scan(sae="r1"))
    assert store.pending() == store.all() == [job]
    assert store.events(None, after=0) == [queued]


def test_states_are_written_where_the_table_of_events_is_damaged(path: Path) -> None:
    database = open_database(path)
    before = JobStore(database)
    job, _ = before.add(Scan(sae="r1"))
    before.record(job.id, line(0))
    database.close()
    damage(path, "events")
    store = JobStore(open_database(path))
    store.set_state(job.id, "running", pid=1)
    store.record(job.id, line(1))
    store.set_state(job.id, "done", result=RESULT)
    store.write()
    assert store.trouble is not None
    assert store.unwritten == []
    assert [(each.state, each.result) for each in store.all()] == [("done", RESULT)]
    assert JobStore(open_database(path)).get(job.id).state == "done"


def test_held_progress_stays_small_and_everything_else_is_held(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_store, "MOST_HELD", 5)
    database = open_database(path)
    store = JobStore(database)
    job, _ = store.add(Scan(sae="r1"))
    database.execute("PRAGMA query_only = ON")
    store.set_state(job.id, "running", pid=1)
    store.record(job.id, Noted(text="seen"))
    for done in range(20):
        store.record(job.id, line(done))
        store.write()
    database.execute("PRAGMA query_only = OFF")
    store.write()
    bodies = [event.body for event in store.events(job.id, after=0)]
    assert bodies == [
        StateChanged(state="queued"),
        StateChanged(state="running"),
        Noted(text="seen"),
        *map(line, (17, 18, 19)),
    ]


def test_many_events_are_read_a_page_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_store, "_PAGE", 7)
    store = JobStore(open_database(path))
    ids = [store.add(Scan(sae=name))[0].id for name in ("r1", "r2")]
    for done in range(33):
        store.record(ids[done % 2], line(done))
    pages = list(store.pages_of_events(None, after=1))
    assert [len(page) for page in pages] == [7, 7, 7, 7, 6]
    whole: list[Event] = [event for page in pages for event in page]
    assert [event.seq for event in whole] == list(range(2, 36))
    assert store.events(ids[0], after=3) == [e for e in whole if e.job == ids[0] and e.seq > 3]
