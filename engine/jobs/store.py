"""Every job of a workspace, and every event of each, in its database.

The database is written behind. A job that isn't over is kept in memory too, and what can't be
written (a full disk, a lock, a damaged page) is held there until it can be: so a job never loses
its state, and whoever asks reads what is, not what was written last.
"""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from engine.errors import UserError
from engine.jobs.events import (
    ENDED,
    FAILED,
    PAUSED,
    QUEUED,
    RUNNING,
    Event,
    EventBody,
    JobInfo,
    Noted,
    Progressed,
    StateChanged,
)
from engine.jobs.kinds import JobResult, JobSpec
from engine.jobs.kinds.base import UnreadableSpec
from engine.jobs.rows import JOB_COLUMNS, as_text, as_time, job_of_row

_LIVE = (QUEUED, RUNNING, PAUSED)
"""States of a job that is not over."""
_PAGE = 1000
"""Events read at once."""
MOST_HELD = 10_000
"""Events held at most: beyond that the oldest lines of progress are dropped."""


class JobStore:
    """Reads and writes the tables `jobs` and `events`."""

    def __init__(self, database: sqlite3.Connection, *, is_copy: bool = False) -> None:
        """Nobody else writes into those tables while this one is used.

        `is_copy`: jobs in the tables that aren't over are another engine's, and only listed.
        """
        self._database = database
        self.trouble: sqlite3.Error | None = None
        """Why what happened last could not be written; None where all is written."""
        self._unwritten_jobs: set[int] = set()
        self._unwritten_events: dict[int, Event] = {}
        """By `seq`, ascending."""
        self._current: dict[int, JobInfo] = {}
        """By number: the jobs that aren't over, and those whose state isn't written."""
        live = () if is_copy else _LIVE
        marks = ", ".join("?" * len(live))
        for job in self._read(f"WHERE state IN ({marks})", *live):
            self._current[job.id] = job
        (self._newest_seq,) = database.execute(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'"
        ).fetchone()

    def add(self, spec: JobSpec) -> tuple[JobInfo, Event]:
        """Write down a new job, queued. Raises sqlite3.Error, and adds none, if that can't be."""
        now = time.time()
        with self._database:
            self._database.execute("BEGIN")
            (id,) = self._database.execute(
                "INSERT INTO jobs (spec, state, created) VALUES (?, ?, ?) RETURNING id",
                (_json(spec), QUEUED, now),
            ).fetchone()
            event = self._next_event(id, StateChanged(state=QUEUED))
            self._insert([event])
        self._current[id] = JobInfo(id=id, spec=spec, state=QUEUED, created=now)
        return self._current[id], event

    def get(self, id: int) -> JobInfo:
        """One job. UserError if there is none of that number."""
        if id in self._current:
            return self._current[id]
        for job in self._read("WHERE id = ?", id):
            return job
        raise UserError(f"There is no job {id}.", "List them with: brainsurg jobs")

    def all(self) -> list[JobInfo]:
        """Every job, oldest first."""
        return [self._current.get(job.id, job) for job in self._read("ORDER BY id")]

    def in_state(self, *states: str) -> list[JobInfo]:
        """Jobs that are not over and in one of `states`, oldest first. Never reads the database."""
        return [job for _, job in sorted(self._current.items()) if job.state in states]

    def pending(self) -> list[JobInfo]:
        """Jobs that are not over, oldest first."""
        return self.in_state(*_LIVE)

    def count(self) -> dict[str, int]:
        """State to number of jobs."""
        rows = self._database.execute("SELECT id, state FROM jobs")
        states = {id: as_text(state) for id, state in rows}
        states |= {id: job.state for id, job in self._current.items()}
        return dict(Counter(states.values()))

    def set_state(
        self,
        id: int,
        state: str,
        *,
        pid: int | None = None,
        error: str = "",
        result: JobResult | None = None,
    ) -> Event:
        """Write down, now or when it can be, that a job has come into `state`."""
        now = time.time()
        job = self.get(id)
        self._current[id] = replace(
            job,
            state=state,
            pid=pid,
            error=error,
            result=result,
            started=now if job.started is None and state == RUNNING else job.started,
            ended=now if state in ENDED else None,
        )
        self._unwritten_jobs.add(id)
        return self.record(id, StateChanged(state=state, error=error))

    def requeue(self, id: int, spec: JobSpec) -> Event:
        """Write down, now or when it can be, that a job that was over waits again, to do `spec`;
        its past is kept."""
        self._current[id] = replace(
            self.get(id),
            spec=spec,
            state=QUEUED,
            pid=None,
            error="",
            result=None,
            started=None,
            ended=None,
        )
        self._unwritten_jobs.add(id)
        return self.record(id, StateChanged(state=QUEUED))

    def record(self, job: int, body: EventBody) -> Event:
        """Write down, now or when it can be, that something happened to a job."""
        event = self._next_event(job, body)
        self._unwritten_events[event.seq] = event
        if isinstance(body, Progressed) and job in self._current:
            self._current[job] = replace(self._current[job], progress=body)
        if self.trouble is None:  # else `write` is called now and then: each try may take its time
            self.write()
        return event

    def write(self) -> None:
        """Write what isn't written yet. What can't be is held for the next call, and `trouble` says
        why; nothing is raised."""
        self.trouble = None
        # The events apart: where their table is damaged, states can be written all the same.
        for write in (self._write_jobs, self._write_events):
            try:
                write()
            except sqlite3.Error as error:
                self.trouble = error
        if len(self._unwritten_events) > MOST_HELD:
            self._drop_progress(len(self._unwritten_events) - MOST_HELD)

    @property
    def unwritten(self) -> list[JobInfo]:
        """Jobs whose state could not be written."""
        return [self._current[id] for id in sorted(self._unwritten_jobs)]

    def events(self, job: int | None, after: int) -> list[Event]:
        """What happened to one job (None: to all) after event `after`, oldest first."""
        return [event for page in self.pages_of_events(job, after) for event in page]

    def pages_of_events(self, job: int | None, after: int) -> Iterator[list[Event]]:
        """What happened to one job (None: to all) after event `after`, oldest first, in pages of
        `_PAGE` events: between two of them the caller may do other things."""
        while True:
            rows = self._database.execute(
                "SELECT seq, job, time, body FROM events"
                " WHERE seq > ? AND (? IS NULL OR job = ?) AND typeof(job) = 'integer'"
                " ORDER BY seq LIMIT ?",
                (after, job, job, _PAGE),
            ).fetchall()
            last = rows[-1][0] if len(rows) == _PAGE else self._newest_seq
            events = [
                Event(seq=seq, job=of, time=as_time(at) or 0.0, body=_decode_event(body))
                for seq, of, at, body in rows
            ]
            events += [
                event
                for event in self._unwritten_events.values()
                if after < event.seq <= last and job in (None, event.job)
            ]
            yield sorted(events, key=lambda event: event.seq)
            if len(rows) < _PAGE:
                return
            after = last

    def close_interrupted(self) -> None:
        """Mark jobs that ran when the engine ended as failed; their workers are gone."""
        for job in self.in_state(RUNNING, PAUSED):
            error = f"The engine ended while this job ran. {job.spec.resume_hint(job.id)}".strip()
            self.set_state(job.id, FAILED, error=error)

    def _read(self, where: str, *values: object) -> Iterator[JobInfo]:
        rows = self._database.execute(f"SELECT {JOB_COLUMNS} FROM jobs {where}", values).fetchall()
        for row in rows:
            yield job_of_row(row, self._newest_progress(row[0]))

    def _next_event(self, job: int, body: EventBody) -> Event:
        self._newest_seq += 1
        return Event(seq=self._newest_seq, job=job, time=time.time(), body=body)

    def _insert(self, events: Iterable[Event]) -> None:
        self._database.executemany(
            "INSERT INTO events (seq, job, time, kind, body) VALUES (?, ?, ?, ?, ?)",
            [
                (e.seq, e.job, e.time, str(type(e.body).__struct_config__.tag), _json(e.body))
                for e in events
            ],
        )

    def _write_jobs(self) -> None:
        if not self._unwritten_jobs:
            return
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "UPDATE jobs SET spec = ?, state = ?, started = ?, ended = ?, pid = ?, error = ?,"
                " result = ? WHERE id = ?",
                [
                    (
                        job.spec.stored
                        if isinstance(job.spec, UnreadableSpec)
                        else _json(job.spec),
                        job.state,
                        job.started,
                        job.ended,
                        job.pid,
                        job.error,
                        None if job.result is None else _json(job.result),
                        job.id,
                    )
                    for job in self.unwritten
                ],
            )
        self._unwritten_jobs.clear()
        self._current = {id: job for id, job in self._current.items() if not job.over}

    def _write_events(self) -> None:
        with self._database:
            self._database.execute("BEGIN")
            self._insert(self._unwritten_events.values())
        self._unwritten_events.clear()

    def _drop_progress(self, count: int) -> None:
        events = self._unwritten_events.items()
        lines = [seq for seq, event in events if isinstance(event.body, Progressed)]
        for seq in lines[:count]:
            del self._unwritten_events[seq]

    def _newest_progress(self, job: int) -> Progressed | None:
        try:
            row = self._database.execute(
                "SELECT body FROM events WHERE job = ? AND kind = 'progress'"
                " ORDER BY seq DESC LIMIT 1",
                (job,),
            ).fetchone()
        except sqlite3.DatabaseError:  # the table of events is damaged, and that of jobs is not
            return None
        event = None if row is None else _decode_event(row[0])
        return event if isinstance(event, Progressed) else None


def _decode_event(stored: str | bytes) -> EventBody:
    """What happened, from its JSON; a note where this version can't read that: a newer one may know
    other kinds of events, and one damaged row must not hide the others."""
    try:
        body: EventBody = msgspec.json.decode(stored, type=EventBody)
        return body
    except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError) as error:
        return Noted(text=f"What happened here can't be read by this version: {error}.")


def _json(value: JobSpec | JobResult | EventBody) -> str:
    return msgspec.json.encode(value).decode()
