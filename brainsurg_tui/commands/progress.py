"""Asking for jobs and for long questions from the command line: progress and notes on stderr."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, TypeVar

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from brainsurg_tui.commands.common import Common
from brainsurg_tui.widgets.numbers import byte_size
from brainsurg_tui.widgets.visible import visible
from engine.errors import UserError
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client

R = TypeVar("R")

_METRICS = ("loss", "fvu", "l0", "dead_fraction")
"""Metrics that fit on a progress line."""


class ProgressDisplay:
    """Draws progress on stderr: a bar on a terminal, and only notes elsewhere."""

    def __init__(self) -> None:
        console = Console(file=sys.stderr)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("waiting", total=None, figures="")

    def __enter__(self) -> "ProgressDisplay":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, body: p.StateChanged | p.Progressed | p.Noted) -> None:
        """Show one event: progress moves the bar, a note stands above it."""
        match body:
            case p.Noted(text=text):
                self._bar.console.print(Text(visible(text), "yellow"))
            case p.Progressed():
                figures = " ".join(
                    f"{name} {_short(body.metrics[name])}"
                    for name in _METRICS
                    if name in body.metrics
                )
                self._bar.update(
                    self._task,
                    description=visible(body.phase),  # it may name a model
                    completed=body.done,
                    total=body.total,
                    figures=figures or _speed(body),
                )
            case p.StateChanged():
                return


def _speed(body: p.Progressed) -> str:
    """How fast it goes; of a download, how much is here, too."""
    if body.unit == "bytes" and body.total:
        rate = f", {byte_size(round(body.rate))}/s" if body.rate else ""
        return f"{byte_size(body.done)} of {byte_size(body.total)}{rate}"
    return f"{body.rate:,.0f} {body.unit}/s" if body.rate else ""


async def run_job(client: "Client", spec: p.JobSpec) -> p.JobResult:
    """Submit a job, watch it to its end and return its result.

    Raises UserError with the job's own sentence if it fails. Interrupting cancels the job, and
    says how it can go on.
    """
    return await _follow_or_cancel(client, p.Submit(spec=spec))


async def run_or_resume(client: "Client", spec: p.JobSpec) -> p.JobResult:
    """As `run_job`; where the last job of this kind and name did the same and was interrupted, that
    goes on."""
    jobs = (await client.ask(p.ListJobs())).jobs
    same = [job for job in jobs if (job.spec.kind, job.spec.subject) == (spec.kind, spec.subject)]
    if not (same and same[-1].resumable and _work(same[-1].spec) == _work(spec)):
        return await run_job(client, spec)
    id = same[-1].id
    _print_note(f"Going on with job {id}, {spec.title} …")
    return await _follow_or_cancel(client, p.ResumeJob(id=id))


def _work(spec: p.JobSpec) -> dict[str, object]:
    """All that a spec asks for, but for whether it is begun anew or resumed."""
    return {**msgspec.to_builtins(spec), "resume": None}


async def _follow_or_cancel(client: "Client", request: p.Request[p.JobInfo]) -> p.JobResult:
    """Begin a job by a request and watch it to its end; interrupting cancels it."""
    await client.ask(p.Watch())
    beginning = asyncio.create_task(client.ask(request))
    try:
        return await follow(client, await asyncio.shield(beginning))
    except asyncio.CancelledError:
        # Ctrl-C means this job; the end of the terminal (SIGHUP) does not, and never comes here.
        job = await beginning
        # a training has something to save, which takes its time
        _print_note(f"Cancelling job {job.id} …")
        await client.ask(p.CancelJob(id=job.id))
        _print_note(job.spec.resume_hint(job.id))
        raise


async def follow(client: "Client", job: p.JobInfo) -> p.JobResult:
    """Watch a job to its end; the connection must be watching already."""
    with ProgressDisplay() as display:
        async for event in events(client, job.id):
            display.show(event.body)
    job = await client.ask(p.GetJob(id=job.id))
    if job.result is None and job.state == p.DONE:
        raise UserError(
            f"Job {job.id} is done, but this version can't read its result.",
            "It may be of a newer Brain Surgery: update this one.",
        )
    if job.result is None:
        raise UserError(job.error or f"Job {job.id} is {job.state}.")
    return job.result


async def events(client: "Client", job: int) -> AsyncIterator[p.Event]:
    """The events of a job: the past ones, then those to come until it ends. The connection must be
    watching already."""
    past = (await client.ask(p.GetEvents(job=job))).events
    for event in past:
        yield event
    seen = past[-1].seq if past else 0
    if not _is_over(past):
        async for news in client.news():
            if isinstance(news, p.Event) and news.job == job and news.seq > seen:
                yield news
                if _is_end(news):
                    return


def _is_over(events: list[p.Event]) -> bool:
    """Whether nothing more comes; a training that has ended may have been resumed since."""
    states = [event for event in events if isinstance(event.body, p.StateChanged)]
    return bool(states) and _is_end(states[-1])


def _is_end(event: p.Event) -> bool:
    return isinstance(event.body, p.StateChanged) and event.body.state in p.ENDED


def _short(figure: p.Figure) -> str:
    return "not finite" if figure is None else f"{figure:.3g}"


def _print_note(text: str) -> None:
    if text:
        Console(file=sys.stderr).print(Text(text, "yellow"))


async def ask_with_progress(client: "Client", request: p.Request[R]) -> R:
    """Ask a question that takes a while, with its progress shown."""
    with ProgressDisplay() as display:
        return await client.ask(request, display.show)


async def ensure_scanned(client: "Client", sae: str, common: Common) -> None:
    """Scan an SAE that has no catalogue yet; one that is not there is the next request's to say."""
    contents = await client.ask(p.GetContents())
    if any(info.name == sae and not info.scanned for info in contents.saes):
        await run_job(client, p.Scan(sae=sae, device=common.device, seed=common.seed))
