"""A workspace with jobs of another version, or with damaged ones: it opens, and shows the rest."""

import json
import sqlite3
from pathlib import Path

import pytest

from engine.workspace.database import open_database
from engine.workspace.folders import Workspace
from tests.service.runner import Runner

FOREIGN = '{"kind":"distil","sae":"r1"}'
STATES = ("queued", "running", "paused", "done", "failed", "sleeping")


@pytest.fixture(scope="module")
def started(brainsurg: Runner) -> Runner:
    """The command, on a workspace with such jobs."""
    database = open_database(Workspace.open(brainsurg.workspace).database)
    for id, state in enumerate(STATES, 1):
        add(database, FOREIGN, state)
        if state == "done":
            database.execute("UPDATE jobs SET result = ? WHERE id = ?", ('{"type":"distil"}', id))
        database.execute(
            "INSERT INTO events (job, time, kind, body) VALUES (?, 1.0, 'state', ?)",
            (id, json.dumps({"type": "state", "state": state})),
        )
    add(database, "\\", "done")
    database.execute("UPDATE jobs SET created = 'never', error = x'ff' WHERE id = 7")
    database.close()
    return brainsurg


def add(database: sqlite3.Connection, spec: str, state: str) -> None:
    database.execute("INSERT INTO jobs (spec, state, created) VALUES (?, ?, 1.0)", (spec, state))


def test_the_engine_starts_and_lists_them(started: Runner) -> None:
    started.fails("jobs", "follow", 1)  # until it has failed
    jobs = started.json("jobs")["jobs"]
    assert [job["state"] for job in jobs] == [
        "failed",
        "failed",
        "failed",
        "done",
        "failed",
        "sleeping",
        "done",
    ]
    assert {job["kind"] for job in jobs} == {"unreadable"}
    assert "created" in jobs[6]["error"]
    assert "unreadable job" in started.shows("jobs")
    assert "sleeping" in started.shows("engine", "status")


def test_following_one_says_what_is_known(started: Runner) -> None:
    assert "can't read what the job is to do" in started.fails("jobs", "follow", 1)
    assert "engine ended" in started.fails("jobs", "follow", 2)
    assert "can't read its result" in started.fails("jobs", "follow", 4)


def test_they_are_exported_and_can_be_cancelled(started: Runner, tmp_path: Path) -> None:
    for job in (2, 4, 7):
        assert started.json("jobs", "export", job, tmp_path / str(job))
    assert "can't go on" in started.fails("jobs", "resume", 2)
    assert started.json("jobs", "cancel", 6)["jobs"][0]["state"] == "cancelled"
    with sqlite3.connect(Workspace(started.workspace).database) as database:
        rows = database.execute("SELECT spec FROM jobs ORDER BY id").fetchall()
    assert rows == [(FOREIGN,)] * 6 + [("\\",)]
