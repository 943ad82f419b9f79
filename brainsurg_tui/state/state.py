"""What the app knows: one object, owned by the app, that nobody else changes.

No Textual and no I/O in here. Panes read it when they are told to show themselves; the controllers
change it when an answer or news arrives. An answer says what it was asked for, and the methods
that take one in refuse it when that is not what is wanted any more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from brainsurg_tui.state.clamp_draft import ClampDraft
from brainsurg_tui.state.feature_filter import FeatureFilter
from brainsurg_tui.state.feature_view import FeatureView
from brainsurg_tui.state.history import History
from brainsurg_tui.state.search_results import SearchResults
from brainsurg_tui.state.visits import FeatureRef, VisitHistory
from engine.service.protocol import (
    ClampReport,
    Contents,
    Done,
    Event,
    FeatureDetail,
    FeatureTable,
    JobInfo,
    Note,
    Progressed,
    Reply,
    SAEInfo,
    StateChanged,
    Status,
)

Connection = Literal["connecting", "connected", "lost"]

EMPTY = Contents(workspace="", prompts=[], activations=[], saes=[])


@dataclass(frozen=True)
class UndoStep:
    """Something that the user did and may want undone: what to ask the engine, either way."""

    title: str
    back: Reply[Done]
    again: Reply[Done]


@dataclass(frozen=True)
class UserMessage:
    """Something that went wrong or was decided, kept for the messages screen."""

    time: float
    severity: Literal["information", "warning", "error"]
    text: str
    trace: str = ""


@dataclass
class State:
    """Everything that the panes show."""

    keys: Mapping[str, str] = field(default_factory=dict)
    """The user's own keys, by action id."""
    connection: Connection = "connecting"
    contents: Contents = EMPTY
    status: Status | None = None
    jobs: dict[int, JobInfo] = field(default_factory=dict)
    """Job id to job, oldest first."""
    histories: dict[int, History] = field(default_factory=dict)
    sae: str | None = None
    table: FeatureTable | None = None
    feature: int | None = None
    detail: FeatureDetail | None = None
    feature_filter: FeatureFilter = field(default_factory=FeatureFilter)
    """The filter of the features."""
    feature_view: FeatureView | None = None
    """The closer look at the selected feature."""
    other_sae: str | None = None
    """The SAE in which the nearest features are looked for; None: the selected one."""
    visits: VisitHistory = field(default_factory=VisitHistory)
    """Features looked at."""
    search_results: SearchResults | None = None
    search_progress: Progressed | None = None
    """How far the running search for features is; None while none runs."""
    clamp_draft: ClampDraft = field(default_factory=ClampDraft)
    report: ClampReport | None = None
    clamp_progress: Progressed | None = None
    """How far the running clamp is; None while none runs."""
    job: int | None = None
    """The job chosen in the jobs pane."""
    undo: list[UndoStep] = field(default_factory=list)
    redo: list[UndoStep] = field(default_factory=list)
    messages: list[UserMessage] = field(default_factory=list)

    # SAEs and features

    def sae_info(self) -> SAEInfo | None:
        """The selected SAE as lists show it."""
        return next((sae for sae in self.contents.saes if sae.name == self.sae), None)

    def take_contents(self, contents: Contents) -> bool:
        """Take in what the workspace holds; True if another SAE is selected by that."""
        self.contents = contents
        if self.sae_info() is not None:
            return False
        scanned = [sae.name for sae in contents.saes if sae.scanned]
        everyone = [sae.name for sae in contents.saes]
        return self.choose_sae(next(reversed(scanned or everyone), None))

    def choose_sae(self, name: str | None) -> bool:
        """Select an SAE, and forget what belongs to the one before; False if it was selected."""
        if name == self.sae:
            return False
        self.sae = name
        self.table = self.detail = self.report = self.feature = self.feature_view = (
            self.other_sae
        ) = None
        self.feature_filter = FeatureFilter()
        self.clamp_draft = msgspec.structs.replace(self.clamp_draft, edits=())
        return True

    def take_table(self, table: FeatureTable) -> bool:
        """Take in the feature table, unless it is of another SAE."""
        if table.sae != self.sae:
            return False
        self.table = table
        return True

    def take_notes(self, sae: str, notes: dict[int, Note]) -> bool:
        """Take in all that is written down about features of `sae`; False if that was known."""
        if self.table is None or self.table.sae != sae or self.table.notes == notes:
            return False
        self.table = msgspec.structs.replace(self.table, notes=notes)
        return True

    def note(self, feature: int) -> Note:
        """What somebody wrote down about a feature."""
        return Note() if self.table is None else self.table.notes.get(feature, Note())

    def label(self, feature: int) -> str:
        """The name that somebody gave to a feature, or nothing."""
        return self.note(feature).label

    def take_note(self, sae: str, feature: int, note: Note) -> None:
        """This is what is written down about a feature of `sae` from now on."""
        if self.table is None or self.table.sae != sae:
            return
        notes = {**self.table.notes, feature: note}
        if note == Note():
            del notes[feature]
        self.table = msgspec.structs.replace(self.table, notes=notes)

    def choose_feature(self, feature: int) -> bool:
        """Select a feature; False if it was selected."""
        if feature == self.feature:
            return False
        self._look_at(feature)
        if self.sae is not None:
            self.visits.go(FeatureRef(self.sae, feature))
        return True

    def visit(self, step: int) -> FeatureRef | None:
        """The feature looked at before (-1) or after (1), of an SAE that is there."""
        known = {sae.name for sae in self.contents.saes}
        place = self.visits.step(step)
        while place is not None and place.sae not in known:
            place = self.visits.step(step)
        return place

    def _look_at(self, feature: int) -> None:
        self.feature = feature
        self.feature_view = None if self.sae is None else FeatureView(self.sae, feature)

    def take_detail(self, sae: str, detail: FeatureDetail) -> bool:
        """Take in what is known of a feature of `sae`, unless another is selected by now."""
        if (sae, detail.id) != (self.sae, self.feature):
            return False
        self.detail = detail
        return True

    # Jobs

    def take_jobs(self, jobs: Iterable[JobInfo]) -> None:
        """Take in the list of jobs."""
        self.jobs = {job.id: job for job in sorted(jobs, key=lambda job: job.id)}

    def take_job(self, job: JobInfo) -> None:
        """Take in one job."""
        self.take_jobs([*(known for known in self.jobs.values() if known.id != job.id), job])

    def take_event(self, event: Event) -> bool:
        """Take in what happened to a job; False if that was known."""
        if not self.history(event.job).add(event):
            return False
        job = self.jobs.get(event.job)
        if job is None:
            return True
        match event.body:
            case StateChanged(state=state, error=error):
                job = msgspec.structs.replace(job, state=state, error=error)
            case Progressed():
                job = msgspec.structs.replace(job, progress=event.body)
        self.jobs[event.job] = job
        return True

    def history(self, job: int) -> History:
        """The events of a job, as far as they are known."""
        return self.histories.setdefault(job, History())

    def running(self) -> list[JobInfo]:
        """Jobs that a worker is busy with or that wait for one, oldest first."""
        return [job for job in self.jobs.values() if not job.over]

    def charted(self) -> JobInfo | None:
        """The training whose curve is to be seen: the chosen one, one that runs, or the last."""
        trainings = [job for job in self.jobs.values() if job.spec.is_training]
        chosen = [job for job in trainings if job.id == self.job]
        live = [job for job in trainings if job.state in ("running", "paused")]
        return next(reversed(chosen or live or trainings), None)

    # Undo

    def did(self, change: UndoStep) -> None:
        """Remember a change that can be undone; what had been undone is gone then."""
        self.undo.append(change)
        self.redo.clear()
