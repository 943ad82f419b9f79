"""The queue: submit a job, watch it, hold it, stop it."""

import asyncio

from engine.jobs.kinds.train import newest_start
from engine.service import protocol as p
from engine.service.handlers.context import Context
from engine.service.handlers.registry import on_loop


@on_loop(p.Submit)
def submit(request: p.Submit, context: Context) -> p.JobInfo:
    """Queue a job that can be done. In a workspace that can only be read, that is one which makes
    something elsewhere."""
    workspace = context.workspace
    makes = request.spec.makes(workspace)
    if not makes or any(path.is_relative_to(workspace.root) for path in makes):
        workspace.check_writable()
    return context.queue.submit(request.spec)


@on_loop(p.ListJobs)
def list_jobs(_: p.ListJobs, context: Context) -> p.JobList:
    """Every job of the workspace."""
    return p.JobList(context.jobs.all())


@on_loop(p.GetJob)
def get_job(request: p.GetJob, context: Context) -> p.JobInfo:
    """One job."""
    return context.jobs.get(request.id)


@on_loop(p.GetEvents)
async def get_events(request: p.GetEvents, context: Context) -> p.EventList:
    """What happened to one job, or to all."""
    events: list[p.Event] = []
    for page in context.jobs.pages_of_events(request.job, request.after):
        events += page
        await asyncio.sleep(0)  # many take a second to read, in which others are answered
    return p.EventList(events)


@on_loop(p.CancelJob)
async def cancel_job(request: p.CancelJob, context: Context) -> p.JobInfo:
    """Stop a job; the reply comes when it is over."""
    _check_own(request.id, context)
    return await context.queue.cancel(request.id)


@on_loop(p.PauseJob)
async def pause_job(request: p.PauseJob, context: Context) -> p.JobInfo:
    """Hold a running job."""
    _check_own(request.id, context)
    return await context.queue.pause(request.id)


@on_loop(p.ResumeJob)
async def resume_job(request: p.ResumeJob, context: Context) -> p.JobInfo:
    """Let a paused job go on, or queue one again that was interrupted."""
    _check_own(request.id, context)
    return await context.queue.resume(request.id)


@on_loop(p.GetTrainingCheckpoint)
def get_training_checkpoint(
    request: p.GetTrainingCheckpoint, context: Context
) -> p.TrainingCheckpoint:
    """The newest checkpoint of a training."""
    start, record = newest_start(request.name, context.workspace)
    return p.TrainingCheckpoint(spec=start.spec, step=record.step, steps=record.steps)


@on_loop(p.Watch)
def watch(_: p.Watch, context: Context) -> p.Done:
    """Send news to the front end from now on."""
    context.front_end.watches = True
    return p.Done()


def _check_own(id: int, context: Context) -> None:
    """Raise UserError for a job of another engine, which a workspace that is only read lists."""
    if id not in {job.id for job in context.jobs.pending()}:
        context.workspace.check_writable()
