"""The job queue: one job runs at a time, in a worker of its own.

A paused job keeps its worker and its memory, and the next one may start; when it is resumed it
goes on at once, beside whatever runs by then. Whatever becomes of a worker (an error, a kill, no
memory), its job ends in a state that says so, and the queue goes on. So it does while the database
can't be written: what happened is held, and written later. A job that saves where it stands (a
training, a capture, a scan) and has failed or was cancelled can be put in the queue again, and goes
on from there.
"""

import asyncio
import logging
import signal
from collections.abc import Callable

from engine.errors import UserError
from engine.jobs.conflicts import check_conflicts
from engine.jobs.events import (
    CANCELLED,
    DONE,
    FAILED,
    PAUSED,
    QUEUED,
    RUNNING,
    Event,
    JobInfo,
    Noted,
)
from engine.jobs.kinds import JobResult, JobSpec
from engine.jobs.store import JobStore
from engine.service.pool import Pool, Worker
from engine.service.protocol import (
    ContentsChanged,
    Finished,
    Pause,
    Refusal,
    Resume,
    RunJob,
    WorkProgress,
)
from engine.shortages import shortage_of
from engine.workspace.database import database_error
from engine.workspace.folders import Workspace

CANCEL_GRACE = 0.6
"""Seconds between asking a worker to give up and killing it."""
SAVING_GRACE = 60.0
"""The same for a job that first ends its step and saves where it stands."""

Outcome = tuple[str, str, JobResult | None]
"""The state in which a job ended, why it failed, and what it made."""

log = logging.getLogger("engine")


class Queue:
    """Jobs waiting, running and paused."""

    def __init__(
        self,
        workspace: Workspace,
        store: JobStore,
        pool: Pool,
        *,
        publish: Callable[[Event | ContentsChanged], None],
    ) -> None:
        """`publish` is given every event, and word when a job has left something behind."""
        self._workspace = workspace
        self._jobs = store
        self._pool = pool
        self._publish = publish
        self._running: dict[int, asyncio.Task[None]] = {}
        self._workers: dict[int, Worker] = {}
        self._cancelled: set[int] = set()
        self._writing_fails = False
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether any job is not over, or its end not written down."""
        return bool(self._running or self._jobs.in_state(QUEUED) or self._jobs.unwritten)

    def submit(self, spec: JobSpec) -> JobInfo:
        """Put a job at the end of the queue. UserError for one that can't succeed, or would make
        what another is about to make."""
        spec.check(self._workspace)
        check_conflicts(spec, self._jobs.pending(), self._workspace)
        job, event = self._jobs.add(spec)
        self._publish(event)
        self.start_next()
        return self._jobs.get(job.id)

    def start_next(self) -> None:
        """Start the next job if none is running."""
        if self._closed:
            return
        waiting = self._jobs.in_state(QUEUED)
        if waiting and not self._jobs.in_state(RUNNING):
            job = waiting[0]
            self._publish(self._jobs.set_state(job.id, RUNNING))
            self._running[job.id] = asyncio.create_task(self._run(job))

    async def cancel(self, id: int) -> JobInfo:
        """Stop a job. Who asks again while it is being stopped doesn't wait for it to save
        anything. UserError if it is over."""
        self._check_pending(id)
        if id not in self._running:  # it waits, or is in a state that a newer version knows
            self._publish(self._jobs.set_state(id, CANCELLED))
        else:
            await self._stop(id)
        return self._jobs.get(id)

    async def pause(self, id: int) -> JobInfo:
        """Hold a running job. UserError if it doesn't run."""
        if self._jobs.get(id).state != RUNNING:
            raise UserError(f"Job {id} is not running.")
        if id not in self._workers:
            raise UserError(f"Job {id} is only starting.", "Pause it in a moment.")
        worker = self._workers[id]
        # Written down before it is sent: the job may end while we wait for the sending.
        self._publish(self._jobs.set_state(id, PAUSED, pid=worker.pid))
        await worker.send(Pause())
        self.start_next()
        return self._jobs.get(id)

    async def resume(self, id: int) -> JobInfo:
        """Let a paused job go on, or one that was interrupted and can go on from where it stood.

        UserError for any other.
        """
        job = self._jobs.get(id)
        if job.resumable:
            return self._requeue(job)
        if job.state != PAUSED:
            raise UserError(f"Job {id} is {job.state}, so it can't go on.")
        worker = self._workers[id]
        self._publish(self._jobs.set_state(id, RUNNING, pid=worker.pid))
        await worker.send(Resume())
        return self._jobs.get(id)

    async def close(self) -> None:
        """Cancel what runs; what waits stays queued for the next daemon."""
        self._closed = True
        await asyncio.gather(*map(self._stop, list(self._running)))
        self._jobs.write()
        for job in self._jobs.unwritten:
            log.error("job %d is %s, which could not be written down", job.id, job.state)

    def write_held(self) -> None:
        """Try again to write down what could not be written, and say when that begins and ends."""
        if self._jobs.trouble is None and not self._writing_fails:
            return
        self._jobs.write()
        trouble = self._jobs.trouble
        if (trouble is not None) == self._writing_fails:
            return
        self._writing_fails = trouble is not None
        if trouble is None:
            text = "The workspace's database can be written again, and nothing of this job is lost."
        else:
            error = database_error(trouble)
            text = f"{error} Jobs go on, and what they report is written as soon as that can be."
        log.warning(text)
        for id in self._running:
            self._publish(self._jobs.record(id, Noted(text=text)))

    def _requeue(self, job: JobInfo) -> JobInfo:
        """Put it at the end of the queue."""
        spec = job.spec.resumed_spec(self._workspace)
        spec.check(self._workspace)
        check_conflicts(spec, self._jobs.pending(), self._workspace)
        self._publish(self._jobs.requeue(job.id, spec))
        self.start_next()
        return self._jobs.get(job.id)

    def _check_pending(self, id: int) -> None:
        job = self._jobs.get(id)
        if job.over:
            raise UserError(f"Job {id} is over already: it is {job.state}.")

    async def _stop(self, id: int) -> None:
        """Return when a job that has a task is over, within about a second."""
        running = self._running[id]
        hurry = id in self._cancelled
        self._cancelled.add(id)
        worker = self._workers.get(id)
        if worker is not None:
            saves = self._jobs.get(id).spec.resumable
            grace = SAVING_GRACE if saves else CANCEL_GRACE
            await worker.dismiss(0.0 if hurry else grace)
        await asyncio.wait([running])

    async def _run(self, job: JobInfo) -> None:
        try:
            state, error, result = await self._run_in_worker(job)
        except Exception as bug:  # whatever it was, the queue goes on
            log.exception("job %d could not be run", job.id)
            what = shortage_of(bug) or f"The engine could not run it: {bug}"
            state, error, result = FAILED, str(what), None
        alone = len(self._running) == 1 and not self._workspace.is_read_only
        if state != DONE and alone:  # nobody else writes
            try:
                await asyncio.to_thread(self._workspace.clean_up)
            except OSError:
                log.exception("what job %d has left behind could not be removed", job.id)
        if state != DONE and job.id in self._cancelled:
            state, error = CANCELLED, ""
        self._cancelled.discard(job.id)
        self._workers.pop(job.id, None)
        self._running.pop(job.id, None)
        self._publish(self._jobs.set_state(job.id, state, error=error, result=result))
        self._publish(ContentsChanged())
        self.start_next()

    async def _run_in_worker(self, job: JobInfo) -> Outcome:
        worker = await self._pool.take(f"job {job.id}", log=f"job-{job.id}")
        self._workers[job.id] = worker
        try:
            if job.id in self._cancelled:
                return CANCELLED, "", None
            self._publish(self._jobs.set_state(job.id, RUNNING, pid=worker.pid))
            await worker.send(RunJob(job=job.id, spec=job.spec))
            return await self._follow(job, worker)
        finally:
            await worker.end(CANCEL_GRACE)

    async def _follow(self, job: JobInfo, worker: Worker) -> Outcome:
        while (frame := await worker.receive()) is not None:
            match frame:
                case WorkProgress(body):
                    self._publish(self._jobs.record(job.id, body))
                case Finished(result):
                    return DONE, "", result
                case Refusal(what=what, bug=True):
                    where = f"The traceback is in {worker.log}."
                    return FAILED, f"{what} {where} {job.spec.resume_hint(job.id)}".strip(), None
                case Refusal(what=what, do=do):
                    return FAILED, f"{what} {do}".strip(), None
        how, where = _worker_ending(await worker.wait()), f"Its log is {worker.log}."
        return FAILED, f"{how} {where} {job.spec.resume_hint(job.id)}".strip(), None


def _worker_ending(status: int) -> str:
    if status == -signal.SIGKILL:
        return (
            "The worker was killed (signal 9);"
            " when nobody did that by hand, the machine ran out of memory."
        )
    if status < 0:
        return f"The worker died of {signal.Signals(-status).name}."
    return f"The worker ended with status {status} before the job was done."
