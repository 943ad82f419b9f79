"""A job and what happens to it."""

import msgspec

from engine.figures import Figure
from engine.jobs.kinds import JobResult, JobSpec

QUEUED, RUNNING, PAUSED = "queued", "running", "paused"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
ENDED = frozenset({DONE, FAILED, CANCELLED})


class StateChanged(msgspec.Struct, frozen=True, kw_only=True, tag="state"):
    """A job was queued, started, paused, resumed or ended."""

    state: str
    error: str = ""


class Progressed(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """Where a job stands."""

    phase: str
    done: int
    total: int | None = None
    unit: str = ""
    rate: float | None = None
    """Units a second, lately."""
    seconds_left: float | None = None
    metrics: dict[str, Figure] = {}
    """Figures by name; None for one that is no finite number."""


class Noted(msgspec.Struct, frozen=True, kw_only=True, tag="note"):
    """A sentence that the user should read."""

    text: str


EventBody = StateChanged | Progressed | Noted


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something that happened to a job. `seq` rises with every event of a workspace."""

    seq: int
    job: int
    time: float
    """Seconds since the epoch."""
    body: EventBody


class JobInfo(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A job and how far it is."""

    id: int
    spec: JobSpec
    state: str
    """`queued`, `running`, `paused`, `done`, `failed` or `cancelled`."""
    created: float
    """Seconds since the epoch."""
    started: float | None = None
    ended: float | None = None
    pid: int | None = None
    """Process of its worker, while it runs."""
    error: str = ""
    """Why it failed, in a sentence."""
    result: JobResult | None = None
    progress: Progressed | None = None
    """The newest."""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in ENDED

    @property
    def resumable(self) -> bool:
        """Whether it was interrupted and can go on, when somebody asks for that."""
        return self.state in (FAILED, CANCELLED) and self.spec.resumable
