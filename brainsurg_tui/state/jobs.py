"""The jobs of the workspace, and what is known of their past."""

from collections.abc import Iterable

import msgspec

from brainsurg_tui.state.history import History
from brainsurg_tui.state.parts import Publish, Published
from engine.service.protocol import Event, JobInfo, Progressed, StateChanged


class JobsState(Published):
    """The engine owns the jobs; this is what is known of them here, and which one is looked at."""

    def __init__(self, publish: Publish) -> None:
        super().__init__(publish)
        self.by_id: dict[int, JobInfo] = {}
        """Job id to job, oldest first."""
        self.histories: dict[int, History] = {}
        """Job id to the events known of it."""
        self._newest: dict[int, int] = {}
        """Job id to the number of the last event that was news."""
        self.chosen: int | None = None
        """The job chosen in the jobs pane."""

    def chosen_info(self) -> JobInfo | None:
        """The job chosen in the jobs pane, if it is there."""
        return None if self.chosen is None else self.by_id.get(self.chosen)

    def set_all(self, jobs: Iterable[JobInfo]) -> None:
        """Replace the list of jobs."""
        self.by_id = {job.id: job for job in sorted(jobs, key=lambda job: job.id)}
        self._publish("jobs")

    def set(self, job: JobInfo) -> None:
        """Add a job, or replace what is known of it."""
        self.set_all([*(known for known in self.by_id.values() if known.id != job.id), job])

    def choose(self, id: int | None) -> bool:
        """Choose a job, or none; False if it was chosen."""
        if id == self.chosen:
            return False
        self.chosen = id
        self._publish("chosen_job")
        return True

    def add_event(self, event: Event) -> bool:
        """Add what just happened to a job; False if it was told before.

        An answer to `GetEvents` may hold the event already: it is news all the same.
        """
        self.history(event.job).add(event)
        if event.seq <= self._newest.get(event.job, 0):
            return False
        self._newest[event.job] = event.seq
        if (job := self.by_id.get(event.job)) is not None:
            match event.body:
                case StateChanged(state=state, error=error):
                    job = msgspec.structs.replace(job, state=state, error=error)
                case Progressed():
                    job = msgspec.structs.replace(job, progress=event.body)
            self.by_id[event.job] = job
        self._publish("job_events")
        return True

    def add_past_events(self, id: int, events: Iterable[Event]) -> None:
        """Add what happened to a job before now."""
        self.history(id).add_past(events)
        self._publish("jobs")

    def history(self, id: int) -> History:
        """The events of a job, as far as they are known."""
        return self.histories.setdefault(id, History())

    def running(self) -> list[JobInfo]:
        """Jobs that a worker is busy with or that wait for one, oldest first."""
        return [job for job in self.by_id.values() if not job.over]

    def training_to_chart(self) -> JobInfo | None:
        """The training whose curve is to be seen: the chosen one, one that runs, or the last."""
        trainings = [job for job in self.by_id.values() if job.spec.is_training]
        chosen = [job for job in trainings if job.id == self.chosen]
        live = [job for job in trainings if job.state in ("running", "paused")]
        return next(reversed(chosen or live or trainings), None)
