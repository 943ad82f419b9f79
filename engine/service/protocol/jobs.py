"""Long work: queue it, watch it, stop it."""

import msgspec

from engine.jobs.events import Event, JobInfo
from engine.jobs.kinds import JobSpec, Train
from engine.service.protocol.reply import Done, Reply


class JobList(msgspec.Struct, frozen=True, tag=True):
    """Jobs, oldest first."""

    jobs: list[JobInfo]


class EventList(msgspec.Struct, frozen=True, tag=True):
    """Events, oldest first."""

    events: list[Event]


class Submit(Reply[JobInfo], frozen=True, kw_only=True):
    """Queue a job."""

    spec: JobSpec


class ListJobs(Reply[JobList], frozen=True):
    """Every job of the workspace."""


class GetJob(Reply[JobInfo], frozen=True, kw_only=True):
    """One job."""

    id: int


class CancelJob(Reply[JobInfo], frozen=True, kw_only=True):
    """Stop a job: within a second if it runs, at once if it waits. A training first saves where it
    stands, unless it is asked a second time."""

    id: int


class PauseJob(Reply[JobInfo], frozen=True, kw_only=True):
    """Hold a running job between two steps; it keeps its memory, and others may run."""

    id: int


class ResumeJob(Reply[JobInfo], frozen=True, kw_only=True):
    """Let a paused job go on, or a training that has failed or was cancelled: from its newest
    checkpoint, or from the beginning where there is none."""

    id: int


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A training that has a checkpoint."""

    spec: Train
    """What it was begun with."""
    step: int
    steps: int


class GetBegun(Reply[Begun], frozen=True, kw_only=True):
    """What was a training of this name begun with, and how far is it?"""

    name: str


class GetEvents(Reply[EventList], frozen=True, kw_only=True):
    """The past of one job, or of all, after event `after`."""

    job: int | None = None
    after: int = 0


class Watch(Reply[Done], frozen=True):
    """From now on send every `Event` and `ContentsChanged` as News."""


class ContentsChanged(msgspec.Struct, frozen=True, tag=True):
    """Prompts, activation sets, SAEs, catalogues or labels are not what they were."""
