from pathlib import Path

import pytest

from engine.errors import UserError
from engine.jobs.events import Noted, Progressed, StateChanged
from engine.jobs.kinds import Evaluate, Scan, ScanResult, Train
from engine.jobs.store import Ledger
from engine.workspace.database import open_database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.sqlite"


RESULT = ScanResult(
    sae="r1", activations="a", features=8, tokens=9, alive=7, seconds=1.0, tokens_per_second=9.0
)


def test_a_job_and_its_whole_past_survive_the_process(path: Path) -> None:
    ledger = Ledger(open_database(path))
    job, queued = ledger.add(Train(name="r1", activations="a", k=16, seed=3))
    running = ledger.change(job.id, "running", pid=42)
    events = [queued, running]
    events += [
        ledger.record(job.id, Progressed(phase="train", done=n, total=3, metrics={"loss": 1 / n}))
        for n in (1, 2, 3)
    ]
    events.append(ledger.record(job.id, Noted(text="\x1b[31m careful")))

    again = Ledger(open_database(path))
    read = again.get(job.id)
    assert read.spec == Train(name="r1", activations="a", k=16, seed=3)
    assert (read.state, read.pid) == ("running", 42)
    assert read.progress == Progressed(phase="train", done=3, total=3, metrics={"loss": 1 / 3})
    assert again.events(job.id, after=0) == events
    assert again.events(None, after=events[2].seq) == events[3:]


def test_a_result_comes_back_as_it_was(path: Path) -> None:
    ledger = Ledger(open_database(path))
    job, _ = ledger.add(Scan(sae="r1"))
    ledger.change(job.id, "running", pid=1)
    ledger.change(job.id, "done", result=RESULT)
    read = ledger.get(job.id)
    assert read.over
    assert read.result == RESULT
    assert read.pid is None
    assert read.started is not None
    assert read.ended is not None
    assert read.created <= read.started <= read.ended


def test_pausing_keeps_the_time_of_the_start(path: Path) -> None:
    ledger = Ledger(open_database(path))
    job, _ = ledger.add(Scan(sae="r1"))
    ledger.change(job.id, "running", pid=1)
    started = ledger.get(job.id).started
    ledger.change(job.id, "paused", pid=1)
    ledger.change(job.id, "running", pid=1)
    assert ledger.get(job.id).started == started


def test_events_of_other_jobs_stay_apart(path: Path) -> None:
    ledger = Ledger(open_database(path))
    first, _ = ledger.add(Scan(sae="r1"))
    second, _ = ledger.add(Scan(sae="r2"))
    ledger.record(second.id, Noted(text="mine"))
    assert [e.body for e in ledger.events(first.id, after=0)] == [StateChanged(state="queued")]
    assert [j.id for j in ledger.all()] == [first.id, second.id]
    assert ledger.count() == {"queued": 2}


def test_jobs_that_an_ended_engine_left_are_failed(path: Path) -> None:
    ledger = Ledger(open_database(path))
    running, _ = ledger.add(Scan(sae="r1"))
    paused, _ = ledger.add(Scan(sae="r2"))
    queued, _ = ledger.add(Scan(sae="r3"))
    ledger.change(running.id, "running", pid=1)
    ledger.change(paused.id, "paused", pid=2)
    ledger.close_interrupted()
    assert [j.state for j in ledger.all()] == ["failed", "failed", "queued"]
    assert "engine ended" in ledger.get(running.id).error
    assert ledger.in_state("queued") == [ledger.get(queued.id)]


def test_a_training_that_goes_on_keeps_its_past_and_waits_like_a_new_one(path: Path) -> None:
    ledger = Ledger(open_database(path))
    job, _ = ledger.add(Train(name="r1", activations="a"))
    ledger.change(job.id, "running", pid=1)
    ledger.record(job.id, Noted(text="seen"))
    ledger.change(job.id, "failed", error="killed")
    ledger.requeue(job.id, Train(name="r1", activations="a", resume=True))
    read = ledger.get(job.id)
    assert read.spec == Train(name="r1", activations="a", resume=True)
    assert (read.state, read.error, read.started, read.ended) == ("queued", "", None, None)
    assert ledger.in_state("queued") == [read]
    bodies = [event.body for event in ledger.events(job.id, after=0)]
    assert Noted(text="seen") in bodies
    assert bodies[-1] == StateChanged(state="queued")


def test_what_was_interrupted_says_how_it_goes_on(path: Path) -> None:
    ledger = Ledger(open_database(path))
    for spec in (Train(name="r1", activations="a"), Scan(sae="r1"), Evaluate(sae="r1")):
        ledger.change(ledger.add(spec)[0].id, "running", pid=1)
    ledger.close_interrupted()
    *can_go_on, evaluation = ledger.all()
    for job in can_go_on:
        assert job.error.endswith(f"brainsurg jobs resume {job.id}")
        assert job.resumable
    assert "resume" not in evaluation.error
    assert not evaluation.resumable


def test_a_job_that_is_not_there(path: Path) -> None:
    with pytest.raises(UserError, match="no job 5"):
        Ledger(open_database(path)).get(5)
