"""Long work: queue it, watch it, stop it."""

import msgspec

from engine.jobs.events import Event, JobInfo
from engine.jobs.kinds import JobSpec, Train
from engine.service.protocol.request import Done, Request


class JobList(msgspec.Struct, frozen=True, tag=True):
    """Jobs, oldest first."""

    jobs: list[JobInfo]


class EventList(msgspec.Struct, frozen=True, tag=True):
    """Events, oldest first."""

    events: list[Event]


class Submit(Request[JobInfo], frozen=True, kw_only=True):
    """Queue a job."""

    spec: JobSpec


class ListJobs(Request[JobList], frozen=True):
    """Every job of the workspace."""


class GetJob(Request[JobInfo], frozen=True, kw_only=True):
    """One job."""

    id: int


class CancelJob(Request[JobInfo], frozen=True, kw_only=True):
    """Stop a job: within a second if it runs, at once if it waits. A training first saves where it
    stands, unless it is asked a second time."""

    id: int


class PauseJob(Request[JobInfo], frozen=True, kw_only=True):
    """Hold a running job between two steps; it keeps its memory, and others may run."""

    id: int


class ResumeJob(Request[JobInfo], frozen=True, kw_only=True):
    """Let a paused job go on, or a training that has failed or was cancelled: from its newest
    checkpoint, or from the beginning where there is none."""

    id: int


class TrainingCheckpoint(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The newest checkpoint of a training."""

    spec: Train
    """What the training was started with."""
    step: int
    """The last that it has taken."""
    steps: int
    """All that it is to take."""


class GetTrainingCheckpoint(Request[TrainingCheckpoint], frozen=True, kw_only=True):
    """What was a training of this name started with, and how far is it?"""

    name: str


class GetEvents(Request[EventList], frozen=True, kw_only=True):
    """The past of one job, or of all, after event `after`."""

    job: int | None = None
    after: int = 0


class Watch(Request[Done], frozen=True):
    """From now on send every `Event` and `ContentsChanged` as News."""


class ContentsChanged(msgspec.Struct, frozen=True, tag=True):
    """Prompts, activation sets, SAEs, catalogues or labels are not what they were."""
