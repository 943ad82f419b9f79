"""`jobs`: the queue."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from brainsurg_tui.commands.common import Common, absolute
from brainsurg_tui.commands.files import print_path
from brainsurg_tui.commands.logs import LogFormat, open_log
from brainsurg_tui.commands.progress import events, follow
from brainsurg_tui.commands.tables.jobs import job_row, queue
from brainsurg_tui.commands.tables.parts import show
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client

app = App(name="jobs", help="List, follow, cancel, pause, resume and export jobs.")

Job = Annotated[int, Parameter(help="The job's number.")]


@app.default
@app.command(name="list", sort_key=0)
def list_jobs(*, common: Common = Common()) -> None:
    """List every job of the workspace."""
    _print_jobs(common, common.run(lambda client: client.ask(p.ListJobs())).jobs)


@app.command(name="follow", sort_key=1)
def follow_job(id: Job, *, common: Common = Common()) -> None:
    """Watch a job to its end, from its beginning on."""

    async def talk(client: "Client") -> p.JobResult:
        await client.ask(p.Watch())
        return await follow(client, await client.ask(p.GetJob(id=id)))

    common.print_result(common.run(talk))


@app.command(sort_key=4)
def cancel(id: Job, *, common: Common = Common()) -> None:
    """Stop a job."""
    _request_change(p.CancelJob(id=id), common)


@app.command(sort_key=2)
def pause(id: Job, *, common: Common = Common()) -> None:
    """Hold a running job between two steps."""
    _request_change(p.PauseJob(id=id), common)


@app.command(sort_key=3)
def resume(id: Job, *, common: Common = Common()) -> None:
    """Let a paused job go on, or a training, capture or scan that has failed or was cancelled."""
    _request_change(p.ResumeJob(id=id), common)


@app.command(sort_key=5)
def export(
    id: Job,
    folder: Path,
    *,
    format: LogFormat = "jsonl",
    follow: bool = False,
    common: Common = Common(),
) -> None:
    """Write the figures that a job has reported so far as a log for other programs.

    Parameters
    ----------
    folder
        Where the log is to lie, as job-ID.jsonl, or as the folder job-ID for TensorBoard.
    format
        `jsonl`: an object a line; `tensorboard`: what TensorBoard reads.
    follow
        Go on until the job ends.
    """

    async def talk(client: "Client") -> Path:
        await client.ask(p.Watch())
        await client.ask(p.GetJob(id=id))  # before a file is made: there may be no such job
        path, log = open_log(format, Path(absolute(folder)), id)
        with log:
            if follow:
                async for event in events(client, id):
                    log.add(event)
            else:
                for event in (await client.ask(p.GetEvents(job=id))).events:
                    log.add(event)
        return path

    print_path(common, common.run(talk))


def _request_change(request: p.Request[p.JobInfo], common: Common) -> None:
    _print_jobs(common, [common.run(lambda client: client.ask(request))])


def _print_jobs(common: Common, jobs: list[p.JobInfo]) -> None:
    common.print_result({"jobs": [job_row(job) for job in jobs]}, lambda: show(*queue(jobs)))
