"""Following jobs, and stopping, holding and reading about them."""

from typing import TYPE_CHECKING

from rich.text import Text

from brainsurg_tui import next_steps
from brainsurg_tui.actions import key_of
from brainsurg_tui.panes.jobs import text as job_texts
from brainsurg_tui.screens.choice import Choice, ChoiceDialog
from brainsurg_tui.screens.text_dialog import TextDialog
from brainsurg_tui.widgets.visible import visible
from engine.service.protocol import (
    ENDED,
    CancelJob,
    Event,
    GetEvents,
    GetJob,
    JobInfo,
    Noted,
    PauseJob,
    Progressed,
    ResumeJob,
    Scan,
    StateChanged,
)

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery


class JobController:
    """The daemon owns the jobs; this controller only says what is wanted and what is seen."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    # What happens

    def hear(self, event: Event) -> None:
        """Take in what happened to a job."""
        state = self._app.state
        before = state.jobs.get(event.job)
        if not state.take_event(event):
            return
        self._app.mark("jobs", "loss")
        self._look_at(event.job)
        match event.body:
            case Progressed(metrics=metrics) if "alive" in metrics:
                self._look_at_features(event.job)
            case StateChanged(state=new) if before is None or before.over or new in ENDED:
                self._app.begin(f"job-{event.job}", self._fetch, event.job, tell=new in ENDED)
            case Noted(text=text):
                self._app.say(f"Job {event.job}: {text}")

    async def _fetch(self, id: int, *, tell: bool) -> None:
        """Get a job with its result, and tell the user how it ended."""
        app = self._app
        job = await app.ask(GetJob(id=id))
        app.state.take_job(job)
        self._look_at(id)
        app.show("jobs", "loss")
        if not tell:
            return
        if isinstance(job.spec, Scan) and job.state == "done" and job.spec.sae == app.state.sae:
            app.controllers.features.load()
        title = f"Job {job.id}, {job.spec.title}"
        hold, pane = (key_of(id, app.state) for id in ("hold_job", "pane_6"))
        goes_on = f" {hold} in pane {pane} lets it go on." if job.resumable else ""
        if job.state == "failed":
            app.say(f"{title}, failed. {job.error}{goes_on}", "error")
        elif job.state == "done":
            app.say(f"{title}, is done. {next_steps.after(job.spec, app.state)}")
        else:
            app.say(f"{title}, was cancelled.{goes_on}", "warning")

    def _look_at(self, id: int) -> None:
        """Follow a training that has begun, unless another job that still goes on is looked at."""
        state = self._app.state
        job, chosen = state.jobs.get(id), state.jobs.get(state.job or 0)
        begun = job is not None and job.state == "running" and job.spec.is_training
        if begun and chosen is not None and chosen.over:
            self.choose(id)

    def _look_at_features(self, id: int) -> None:
        """A scan has published what it found so far: show that, if it is of the SAE in use."""
        job = self._app.state.jobs.get(id)
        if job is not None and isinstance(job.spec, Scan) and job.spec.sae == self._app.state.sae:
            self._app.controllers.features.load()

    async def past(self, id: int) -> None:
        """Ask for all that a job has told so far."""
        answer = await self._app.ask(GetEvents(job=id))
        self._app.state.history(id).add_past(answer.events)
        self._app.show("jobs", "loss")

    def choose(self, id: int) -> None:
        """Look at a job."""
        if self._app.state.job != id:
            self._app.state.job = id
            self._app.show("loss")
            self._app.begin("past", self.past, id)

    # What is wanted

    def _meant(self) -> JobInfo | None:
        """The chosen job if it goes on, else the one that runs."""
        state = self._app.state
        running = state.running()
        chosen = [job for job in running if job.id == state.job]
        return next(iter(chosen or running), None)

    def cancel_work(self) -> None:
        """Give up the clamp or the search that is waited for; else stop a job, after asking."""
        job = self._meant()
        in_jobs = self._app.main.active == "jobs"
        if self._app.state.clamp_progress is not None and not in_jobs:
            self._app.controllers.clamp.give_up()
        elif self._app.state.search_progress is not None and not in_jobs:
            self._app.controllers.search.give_up()
        elif job is not None:
            self._ask_to_cancel(job)

    def _ask_to_cancel(self, job: JobInfo) -> None:
        answers = [Choice("y", "stop it", "stop"), Choice("n", "let it go on", "")]
        question = ChoiceDialog(
            f"Stop job {job.id}, {job.spec.title}?",
            "It saves where it stands, and can go on later."
            if job.spec.resumable
            else "What it has not saved is lost.",
            answers,
        )

        def answered(answer: str | None) -> None:
            if answer:
                self._app.begin("change-job", self._change, CancelJob(id=job.id))

        self._app.push_screen(question, answered)

    def hold(self) -> None:
        """Pause a job, or let it go on: in the jobs pane also a training that was interrupted."""
        chosen = self._app.state.jobs.get(self._app.state.job or 0)
        interrupted = chosen is not None and chosen.resumable
        job = chosen if interrupted and self._app.main.active == "jobs" else self._meant()
        if job is not None:
            goes_on = job.state == "paused" or job.resumable
            request = ResumeJob(id=job.id) if goes_on else PauseJob(id=job.id)
            self._app.begin("change-job", self._change, request)

    async def _change(self, request: CancelJob | PauseJob | ResumeJob) -> None:
        self._app.state.take_job(await self._app.ask(request))
        self._app.show("jobs", "loss")

    async def cancel_all(self) -> None:
        """Stop whatever runs or waits."""
        for job in self._app.state.running():
            await self._app.ask(CancelJob(id=job.id))

    def read(self, id: int) -> None:
        """Show all about a job."""
        job = self._app.state.jobs[id]
        lines = [f"{job.state}  {job_texts.duration(job)}", job.spec.details, ""]
        lines += [*self._app.state.history(id).notes(), *job_texts.outcome(job)]
        text = Text("\n".join(map(visible, lines)))
        self._app.push_screen(TextDialog(f"Job {id} · {job.spec.title}", text))
