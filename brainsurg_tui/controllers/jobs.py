"""Following jobs, and stopping, holding and reading about them."""

from rich.text import Text

from brainsurg_tui.actions import next_steps
from brainsurg_tui.actions.registry import key_of
from brainsurg_tui.controllers.clamp import ClampController
from brainsurg_tui.controllers.features import FeatureController
from brainsurg_tui.controllers.search import SearchController
from brainsurg_tui.controllers.shell import Shell
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


class JobController:
    """Follows the jobs, which the daemon owns, and has them paused, stopped and shown."""

    def __init__(
        self,
        shell: Shell,
        features: FeatureController,
        clamp: ClampController,
        search: SearchController,
    ) -> None:
        self._shell = shell
        self._features = features
        self._clamp = clamp
        self._search = search

    # What happens

    def on_event(self, event: Event) -> None:
        """Bring the state up to date with what happened to a job."""
        jobs = self._shell.state.jobs
        before = jobs.by_id.get(event.job)
        if not jobs.add_event(event):
            return
        self._follow(event.job)
        match event.body:
            case Progressed(metrics=metrics) if "alive" in metrics:
                self._reload_features(event.job)
            case StateChanged(state=new) if before is None or before.over or new in ENDED:
                self._shell.begin(f"job-{event.job}", self._fetch, event.job, tell=new in ENDED)
            case Noted(text=text):
                self._shell.say(f"Job {event.job}: {text}")

    async def _fetch(self, id: int, *, tell: bool) -> None:
        """Get a job with its result, and tell the user how it ended."""
        shell = self._shell
        job = await shell.ask(GetJob(id=id))
        shell.state.jobs.set(job)
        self._follow(id)
        if not tell:
            return
        if job.state == "done":
            self._reload_features(id)
        title = f"Job {job.id}, {job.spec.title}"
        hold, pane = (key_of(id, shell.state) for id in ("hold_job", "pane_6"))
        goes_on = f" {hold} in pane {pane} lets it go on." if job.resumable else ""
        if job.state == "failed":
            shell.say(f"{title}, failed. {job.error}{goes_on}", "error")
        elif job.state == "done":
            shell.say(f"{title}, is done. {next_steps.after(job.spec, shell.state)}")
        else:
            shell.say(f"{title}, was cancelled.{goes_on}", "warning")

    def _follow(self, id: int) -> None:
        """Choose a training that has begun, unless the chosen job still goes on."""
        jobs = self._shell.state.jobs
        job, chosen = jobs.by_id.get(id), jobs.chosen_info()
        begun = job is not None and job.state == "running" and job.spec.is_training
        if begun and chosen is not None and chosen.over:
            self.choose(id)

    def _reload_features(self, id: int) -> None:
        """Show what a scan has found so far, if the job is one, and of the SAE in use."""
        job = self._shell.state.jobs.by_id.get(id)
        if job is not None and isinstance(job.spec, Scan) and job.spec.sae == self._shell.state.sae:
            self._features.load()

    async def fetch_past(self, id: int) -> None:
        """Ask for all events of a job so far."""
        answer = await self._shell.ask(GetEvents(job=id))
        self._shell.state.jobs.add_past_events(id, answer.events)

    def choose(self, id: int) -> None:
        """Choose a job, and show its past."""
        if self._shell.state.jobs.choose(id):
            self._shell.begin("past", self.fetch_past, id)

    # What is wanted

    def _job_at_hand(self) -> JobInfo | None:
        """The chosen job if it goes on, else the one that runs."""
        jobs = self._shell.state.jobs
        running = jobs.running()
        chosen = [job for job in running if job.id == jobs.chosen]
        return next(iter(chosen or running), None)

    def cancel_work(self) -> None:
        """Give up the clamp or the search that is waited for; else stop a job, after asking."""
        job = self._job_at_hand()
        in_jobs = self._shell.main.active == "jobs"
        if self._shell.state.clamp.progress is not None and not in_jobs:
            self._clamp.give_up()
        elif self._shell.state.search.progress is not None and not in_jobs:
            self._search.give_up()
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

        def on_answer(answer: str | None) -> None:
            if answer:
                self._shell.begin("change-job", self._ask_to_change, CancelJob(id=job.id))

        self._shell.push_screen(question, on_answer)

    def toggle_pause(self) -> None:
        """Pause a job, or resume it: in the jobs pane also a training that was interrupted."""
        chosen = self._shell.state.jobs.chosen_info()
        interrupted = chosen is not None and chosen.resumable
        job = chosen if interrupted and self._shell.main.active == "jobs" else self._job_at_hand()
        if job is not None:
            goes_on = job.state == "paused" or job.resumable
            request = ResumeJob(id=job.id) if goes_on else PauseJob(id=job.id)
            self._shell.begin("change-job", self._ask_to_change, request)

    async def _ask_to_change(self, request: CancelJob | PauseJob | ResumeJob) -> None:
        self._shell.state.jobs.set(await self._shell.ask(request))

    async def cancel_all(self) -> None:
        """Stop whatever runs or waits."""
        for job in self._shell.state.jobs.running():
            await self._shell.ask(CancelJob(id=job.id))

    def read(self, id: int) -> None:
        """Show a job's description, its notes and its outcome in a dialog."""
        job = self._shell.state.jobs.by_id[id]
        notes, outcome = self._shell.state.jobs.history(id).notes(), job_texts.outcome(job)
        lines = [f"{job.state}  {job_texts.duration(job)}", job.spec.details, ""]
        lines += [*outcome, "", *notes] if job.error else [*notes, *outcome]
        text = Text("\n".join(map(visible, lines)))
        self._shell.push_screen(TextDialog(f"Job {id} · {job.spec.title}", text))
