"""Jobs: the queue."""

import time
from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from brainsurg_tui.commands.json_document import plain_data
from brainsurg_tui.commands.tables.parts import (
    numbers,
    short_column,
    table,
    visible_text,
)
from brainsurg_tui.widgets.bars import progress_bar
from brainsurg_tui.widgets.numbers import seconds
from engine.service import protocol as p


def job_row(job: p.JobInfo) -> dict[str, Any]:
    """A job as the contract's JSON has it, and the rest of what is known."""
    progress = job.progress
    done = progress.done / progress.total if progress and progress.total else None
    return {
        "id": job.id,
        "kind": type(job.spec).__struct_config__.tag,
        "state": job.state,
        "progress": 1.0 if job.state == "done" else done,
        "seconds": _elapsed(job),
        "error": job.error,
        "spec": plain_data(job.spec),
        "result": plain_data(job.result),
    }


def queue(jobs: list[p.JobInfo]) -> Iterator[RenderableType]:
    """The jobs, and below them why some came to nothing."""
    if not jobs:
        yield "No job yet."
        return
    rows = table(
        *numbers("id"), "job", short_column("state"), short_column("progress"), *numbers("time")
    )
    errors = Table.grid(padding=(0, 2, 0, 0))
    errors.add_column(justify="right", no_wrap=True)
    for job in jobs:
        row = job_row(job)
        rows.add_row(
            str(job.id),
            visible_text(job.spec.title),
            job.state,
            progress_bar(row["progress"] or 0.0, 12),
            seconds(row["seconds"] or 0.0),
        )
        if job.error:
            errors.add_row(str(job.id), visible_text(job.error, "yellow"))
    yield rows
    if errors.row_count:
        yield from ("", errors)


def _elapsed(job: p.JobInfo) -> float | None:
    if job.started is None:
        return None
    return (job.ended or time.time()) - job.started
