"""`jobs`: the queue."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from brainsurg_tui.commands import tables
from brainsurg_tui.commands.common import Common, absolute
from brainsurg_tui.commands.following import events, follow
from brainsurg_tui.logs import Format, open_log
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p
from engine.service.client import Client

app = App(name="jobs", help="List, follow, cancel, pause, resume and export jobs.")


@app.default
@app.command(name="list")
def list_jobs(*, common: Common | None = None) -> None:
    """List every job of the workspace."""
    common = common or Common()
    jobs = common.run(lambda client: client.ask(p.ListJobs())).jobs
    common.tell({"jobs": [tables.job_row(job) for job in jobs]}, lambda: tables.jobs(jobs))


@app.command(name="follow")
def follow_job(id: int, *, common: Common | None = None) -> None:
    """Watch a job to its end, from its beginning on.

    Parameters
    ----------
    id
        The job's number.
    """

    async def talk(client: Client) -> p.JobResult:
        await client.ask(p.Watch())
        return await follow(client, await client.ask(p.GetJob(id=id)))

    common = common or Common()
    tables.tell_job(common, common.run(talk))


@app.command
def cancel(id: int, *, common: Common | None = None) -> None:
    """Stop a job.

    Parameters
    ----------
    id
        The job's number.
    """
    _change(p.CancelJob(id=id), common)


@app.command
def pause(id: int, *, common: Common | None = None) -> None:
    """Hold a running job between two steps.

    Parameters
    ----------
    id
        The job's number.
    """
    _change(p.PauseJob(id=id), common)


@app.command
def resume(id: int, *, common: Common | None = None) -> None:
    """Let a paused job go on, or a training that has failed or was cancelled.

    Parameters
    ----------
    id
        The job's number.
    """
    _change(p.ResumeJob(id=id), common)


@app.command
def export(
    id: int,
    folder: Path,
    *,
    format: Format = "jsonl",
    follow: Annotated[bool, Parameter(negative="")] = False,
    common: Common | None = None,
) -> None:
    """Write the figures that a job has told so far as a log for other programs.

    Parameters
    ----------
    id
        The job's number.
    folder
        Where the log is to lie, as job-ID.jsonl, or as the folder job-ID for TensorBoard.
    format
        `jsonl`: an object a line; `tensorboard`: what TensorBoard reads.
    follow
        Go on until the job ends.
    """

    async def talk(client: Client) -> Path:
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

    common = common or Common()
    path = common.run(talk)
    common.tell({"path": str(path)}, lambda: print(visible(str(path))))


def _change(request: p.Reply[p.JobInfo], common: Common | None) -> None:
    common = common or Common()
    job = common.run(lambda client: client.ask(request))
    common.tell({"jobs": [tables.job_row(job)]}, lambda: tables.jobs([job]))
