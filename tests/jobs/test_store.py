from pathlib import Path

import pytest

from engine.errors import UserError
from engine.jobs.events import Noted, Progressed, StateChanged
from engine.jobs.kinds import Evaluate, Scan, ScanResult, Train
from engine.jobs.store import JobStore
from engine.workspace.database import open_database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.sqlite"


RESULT = ScanResult(
    sae="r1", activations="a", features=8, tokens=9, alive=7, seconds=1.0, tokens_per_second=9.0
)


def test_a_job_and_its_whole_past_survive_the_process(path: Path) -> None:
    store = JobStore(open_database(path))
    job, queued = store.add(Train(name="r1", activations="a", k=16, seed=3))
    running = store.set_state(job.id, "running", pid=42)
    events = [queued, running]
    events += [
        store.record(job.id, Progressed(phase="train", done=n, total=3, metrics={"loss": 1 / n}))
        for n in (1, 2, 3)
    ]
    events.append(store.record(job.id, Noted(text="\x1b[31m careful")))

    again = JobStore(open_database(path))
    read = again.get(job.id)
    assert read.spec == Train(name="r1", activations="a", k=16, seed=3)
    assert (read.state, read.pid) == ("running", 42)
    assert read.progress == Progressed(phase="train", done=3, total=3, metrics={"loss": 1 / 3})
    assert again.events(job.id, after=0) == events
    assert again.events(None, after=events[2].seq) == events[3:]


def test_a_result_comes_back_as_it_was(path: Path) -> None:
    store = JobStore(open_database(path))
    job, _ = store.add(Scan(sae="r1"))
    store.set_state(job.id, "running", pid=1)
    store.set_state(job.id, "done", result=RESULT)
    read = store.get(job.id)
    assert read.over
    assert read.result == RESULT
    assert read.pid is None
    assert read.started is not None
    assert read.ended is not None
    assert read.created <= read.started <= read.ended


def test_pausing_keeps_the_time_of_the_start(path: Path) -> None:
    store = JobStore(open_database(path))
    job, _ = store.add(Scan(sae="r1"))
    store.set_state(job.id, "running", pid=1)
    started = store.get(job.id).started
    store.set_state(job.id, "paused", pid=1)
    store.set_state(job.id, "running", pid=1)
    assert store.get(job.id).started == started


def test_events_of_other_jobs_stay_apart(path: Path) -> None:
    store = JobStore(open_database(path))
    first, _ = store.add(Scan(sae="r1"))
    second, _ = store.add(Scan(sae="r2"))
    store.record(second.id, Noted(text="mine"))
    assert [e.body for e in store.events(first.id, after=0)] == [StateChanged(state="queued")]
    assert [j.id for j in store.all()] == [first.id, second.id]
    assert store.count() == {"queued": 2}


def test_jobs_that_an_ended_engine_left_are_failed(path: Path) -> None:
    store = JobStore(open_database(path))
    running, _ = store.add(Scan(sae="r1"))
    paused, _ = store.add(Scan(sae="r2"))
    queued, _ = store.add(Scan(sae="r3"))
    store.set_state(running.id, "running", pid=1)
    store.set_state(paused.id, "paused", pid=2)
    store.close_interrupted()
    assert [j.state for j in store.all()] == ["failed", "failed", "queued"]
    assert "engine ended" in store.get(running.id).error
    assert store.in_state("queued") == [store.get(queued.id)]


def test_a_training_that_goes_on_keeps_its_past_and_waits_like_a_new_one(path: Path) -> None:
    store = JobStore(open_database(path))
    job, _ = store.add(Train(name="r1", activations="a"))
    store.set_state(job.id, "running", pid=1)
    store.record(job.id, Noted(text="seen"))
    store.set_state(job.id, "failed", error="killed")
    store.requeue(job.id, Train(name="r1", activations="a", resume=True))
    read = store.get(job.id)
    assert read.spec == Train(name="r1", activations="a", resume=True)
    assert (read.state, read.error, read.started, read.ended) == ("queued", "", None, None)
    assert store.in_state("queued") == [read]
    bodies = [event.body for event in store.events(job.id, after=0)]
    assert Noted(text="seen") in bodies
    assert bodies[-1] == StateChanged(state="queued")


def test_what_was_interrupted_says_how_it_goes_on(path: Path) -> None:
    store = JobStore(open_database(path))
    for spec in (Train(name="r1", activations="a"), Scan(sae="r1"), Evaluate(sae="r1")):
        store.set_state(store.add(spec)[0].id, "running", pid=1)
    store.close_interrupted()
    *can_go_on, evaluation = store.all()
    for job in can_go_on:
        assert job.error.endswith(f"brainsurg jobs resume {job.id}")
        assert job.resumable
    assert "resume" not in evaluation.error
    assert not evaluation.resumable


def test_a_job_that_is_not_there(path: Path) -> None:
    with pytest.raises(UserError, match="no job 5"):
        JobStore(open_database(path)).get(5)
