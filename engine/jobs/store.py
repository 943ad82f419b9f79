"""Every job of a workspace, and every event of each, in its database."""

import sqlite3
import time
from collections.abc import Iterator

import msgspec

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
from engine.jobs.kinds.base import decode_result, decode_spec

_COLUMNS = "id, spec, state, created, started, ended, pid, error, result"


class JobStore:
    """Reads and writes the tables `jobs` and `events`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, spec: JobSpec) -> tuple[JobInfo, Event]:
        """Write down a new job, queued."""
        (id,) = self._database.execute(
            "INSERT INTO jobs (spec, state, created) VALUES (?, ?, ?) RETURNING id",
            (_json(spec), QUEUED, time.time()),
        ).fetchone()
        return self.get(id), self.record(id, StateChanged(state=QUEUED))

    def get(self, id: int) -> JobInfo:
        """One job. UserError if there is none of that number."""
        for job in self._read("WHERE id = ?", id):
            return job
        raise UserError(f"There is no job {id}.", "List them with: brainsurg jobs")

    def all(self) -> list[JobInfo]:
        """Every job, oldest first."""
        return list(self._read("ORDER BY id"))

    def in_state(self, *states: str) -> list[JobInfo]:
        """Jobs in one of `states`, oldest first."""
        marks = ", ".join("?" * len(states))
        return list(self._read(f"WHERE state IN ({marks}) ORDER BY id", *states))

    def pending(self) -> list[JobInfo]:
        """Jobs that are not over, oldest first."""
        return self.in_state(QUEUED, RUNNING, PAUSED)

    def count(self) -> dict[str, int]:
        """State to number of jobs."""
        return dict(self._database.execute("SELECT state, COUNT(*) FROM jobs GROUP BY state"))

    def set_state(
        self,
        id: int,
        state: str,
        *,
        pid: int | None = None,
        error: str = "",
        result: JobResult | None = None,
    ) -> Event:
        """Write down that a job has come into `state`."""
        now = time.time()
        self._database.execute(
            "UPDATE jobs SET state = ?, pid = ?, error = ?, result = ?,"
            " started = coalesce(started, ?), ended = ? WHERE id = ?",
            (
                state,
                pid,
                error,
                None if result is None else _json(result),
                now if state == RUNNING else None,
                now if state in ENDED else None,
                id,
            ),
        )
        return self.record(id, StateChanged(state=state, error=error))

    def requeue(self, id: int, spec: JobSpec) -> Event:
        """Write down that a job that was over waits again, to do `spec`; its past is kept."""
        self._database.execute(
            "UPDATE jobs SET spec = ?, state = ?, pid = NULL, error = '', result = NULL,"
            " started = NULL, ended = NULL WHERE id = ?",
            (_json(spec), QUEUED, id),
        )
        return self.record(id, StateChanged(state=QUEUED))

    def record(self, job: int, body: EventBody) -> Event:
        """Write down that something happened to a job."""
        now = time.time()
        kind = str(type(body).__struct_config__.tag)
        (seq,) = self._database.execute(
            "INSERT INTO events (job, time, kind, body) VALUES (?, ?, ?, ?) RETURNING seq",
            (job, now, kind, _json(body)),
        ).fetchone()
        return Event(seq=seq, job=job, time=now, body=body)

    def events(self, job: int | None, after: int) -> list[Event]:
        """What happened to one job (None: to all) after event `after`, oldest first."""
        rows = self._database.execute(
            "SELECT seq, job, time, body FROM events"
            " WHERE seq > ? AND (? IS NULL OR job = ?) ORDER BY seq",
            (after, job, job),
        )
        return [
            Event(seq=seq, job=of, time=at, body=_decode_event(body)) for seq, of, at, body in rows
        ]

    def close_interrupted(self) -> None:
        """Mark jobs that ran when the engine ended as failed; their workers are gone."""
        for job in self.in_state(RUNNING, PAUSED):
            error = f"The engine ended while this job ran. {job.spec.resume_hint(job.id)}".strip()
            self.set_state(job.id, FAILED, error=error)

    def _read(self, where: str, *values: object) -> Iterator[JobInfo]:
        rows = self._database.execute(f"SELECT {_COLUMNS} FROM jobs {where}", values).fetchall()
        for id, spec, state, created, started, ended, pid, error, result in rows:
            yield JobInfo(
                id=id,
                spec=decode_spec(spec),
                state=state,
                created=created,
                started=started,
                ended=ended,
                pid=pid,
                error=error,
                result=None if result is None else decode_result(result),
                progress=self._newest_progress(id),
            )

    def _newest_progress(self, job: int) -> Progressed | None:
        row = self._database.execute(
            "SELECT body FROM events WHERE job = ? AND kind = 'progress' ORDER BY seq DESC LIMIT 1",
            (job,),
        ).fetchone()
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
