"""Jobs: the queue, and what each made."""

import time
from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from brainsurg_tui.commands.json_document import plain
from brainsurg_tui.commands.tables.evaluation import evaluation, training
from brainsurg_tui.commands.tables.parts import foreign, numbers, pairs, table, whole
from brainsurg_tui.commands.tables.sweep import comparison
from brainsurg_tui.widgets.bars import progress_bar
from brainsurg_tui.widgets.numbers import byte_size, quantity, seconds
from engine.service import protocol as p

_FEW = 4
"""Of a list, how many are shown before the last."""


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
        "spec": plain(job.spec),
        "result": plain(job.result),
    }


def queue(jobs: list[p.JobInfo]) -> Iterator[RenderableType]:
    """The jobs, and below them why some came to nothing."""
    if not jobs:
        yield "No job yet."
        return
    rows = table(*numbers("id"), "job", whole("state"), whole("progress"), *numbers("time"))
    errors = Table.grid(padding=(0, 2, 0, 0))
    errors.add_column(justify="right", no_wrap=True)
    for job in jobs:
        row = job_row(job)
        rows.add_row(
            str(job.id),
            foreign(job.spec.title),
            job.state,
            progress_bar(row["progress"] or 0.0, 12),
            seconds(row["seconds"] or 0.0),
        )
        if job.error:
            errors.add_row(str(job.id), foreign(job.error, "yellow"))
    yield rows
    if errors.row_count:
        yield from ("", errors)


def made(result: p.JobResult) -> Iterator[RenderableType]:
    """What a job made."""
    match result:
        case p.TrainResult():
            yield from training(result)
        case p.EvaluateResult():
            yield from evaluation(result)
        case p.SweepResult():
            yield comparison(result)
        case _:
            yield pairs(_figures(result))


def _figures(result: p.JobResult) -> dict[str, str]:
    rows: dict[str, str] = {}
    for name, value in plain(result).items():
        match name, value:
            case ("kind", _) | (_, None | ""):
                continue
            case "bytes", int():
                rows[name] = byte_size(value)
            case "seconds", float():
                rows[name] = seconds(value)
            case "tokens_per_second", float():
                rows["tokens/s"] = quantity(value)
            case _, list():
                rows[name] = _listed(value)
            case _, int():
                rows[name] = f"{value:,}"
            case _:
                rows[name] = str(value)
    return rows


def _listed(values: list[Any]) -> str:
    """Some of the values, where there are many, and how many there are."""
    first = ", ".join(map(str, values[:_FEW]))
    more = f" … {values[-1]} ({len(values):,})" if len(values) > _FEW else ""
    return first + more


def _elapsed(job: p.JobInfo) -> float | None:
    if job.started is None:
        return None
    return (job.ended or time.time()) - job.started
