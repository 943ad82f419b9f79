"""Rows of the table of jobs, as they are read: SQLite keeps any type in any column."""

from typing import Any

from engine.jobs.events import JobInfo, Progressed
from engine.jobs.kinds.base import decode_result, decode_spec

JOB_COLUMNS = "id, spec, state, created, started, ended, pid, error, result"
_END_OF_TIME = 4e9
"""Seconds since the epoch: in the year 2096."""


def job_of_row(row: tuple[Any, ...], progress: Progressed | None) -> JobInfo:
    """The job in a row of `JOB_COLUMNS`. What can't be read is said in its error."""
    id, spec, state, created, started, ended, pid, error, result = row
    times = {"created": created, "started": started, "ended": ended}
    texts = {"spec": spec, "state": state, "error": error, "result": result}
    wrong = [n for n, value in times.items() if value is not None and as_time(value) is None]
    wrong += [n for n, value in texts.items() if not isinstance(value, str | None)]
    damage = f"Of this job's row {', '.join(wrong)} can't be read." if wrong else ""
    return JobInfo(
        id=id,
        spec=decode_spec(as_text(spec)),
        state=as_text(state),
        created=as_time(created) or 0.0,
        started=as_time(started),
        ended=as_time(ended),
        pid=pid if isinstance(pid, int) else None,
        error=f"{as_text(error)} {damage}".strip(),
        result=None if result is None else decode_result(as_text(result)),
        progress=progress,
    )


def as_time(value: object) -> float | None:
    """Seconds since the epoch, None for what can't be that: not all floats are times."""
    return value if isinstance(value, int | float) and 0 <= value < _END_OF_TIME else None


def as_text(value: object) -> str:
    """What should be text, also where it is something else."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
