"""What the app knows: one object, owned by the app.

Everybody reads it; it is changed by its own methods alone, which publish the names of the parts
that changed, so that the panes that show one of them are painted. An answer says what it was asked
for, and the methods that take one refuse it when that is not what is wanted any more. No Textual
and no I/O in here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from brainsurg_tui.state.clamp import ClampState
from brainsurg_tui.state.feature_filter import FeatureFilter
from brainsurg_tui.state.feature_view import FeatureView
from brainsurg_tui.state.jobs import JobsState
from brainsurg_tui.state.parts import Publish, Published
from brainsurg_tui.state.search import SearchState
from brainsurg_tui.state.undo import UndoHistory
from brainsurg_tui.state.visits import FeatureRef, VisitHistory
from engine.service.protocol import (
    Contents,
    FeatureDetail,
    FeatureTable,
    GetSnippets,
    JobInfo,
    Note,
    Relatives,
    SAEInfo,
    SavedPrompt,
    SnippetList,
    Status,
)

Connection = Literal["connecting", "connected", "lost"]

EMPTY = Contents(workspace="", prompts=[], activations=[], saes=[])


@dataclass(frozen=True)
class UserMessage:
    """Something that the user was told, kept for the messages screen."""

    time: float
    """Seconds since the epoch."""
    severity: Literal["information", "warning", "error"]
    text: str
    trace: str = ""
    """The traceback of a bug, or nothing."""


class State(Published):
    """Everything that the panes show."""

    def __init__(
        self, keys: Mapping[str, str] | None = None, publish: Publish = lambda parts: None
    ) -> None:
        """`keys`: the user's own keys, by action id. `publish` is given the parts that changed."""
        super().__init__(publish)
        self.keys = keys or {}
        self.connection: Connection = "connecting"
        self.contents = EMPTY
        """What the workspace holds."""
        self.marked_prompts = 0
        """How many prompts are marked, and are meant in place of all."""
        self.status: Status | None = None
        """The engine and its machine; None: not answered yet."""
        self.jobs = JobsState(publish)
        self.sae: str | None = None
        """The SAE in use."""
        self.table: FeatureTable | None = None
        """The features of the SAE in use."""
        self.feature: int | None = None
        """The selected feature."""
        self.detail: FeatureDetail | None = None
        """What is known of the feature that was answered last: the selected one, or the one
        before it."""
        self.feature_filter = FeatureFilter()
        self.feature_view: FeatureView | None = None
        """Examples and relatives of the selected feature."""
        self.other_sae: str | None = None
        """The SAE in which the nearest features are looked for; None: the one in use."""
        self.visits = VisitHistory()
        """The features looked at."""
        self.search = SearchState(publish)
        self.clamp = ClampState(publish)
        self.undo_history = UndoHistory(publish)
        self.messages: list[UserMessage] = []
        """What the user was told, oldest first."""

    # The engine

    def connect(self, status: Status, jobs: Iterable[JobInfo]) -> None:
        """The engine was reached, and answered this."""
        self.connection = "connected"
        self.set_status(status)
        self.jobs.set_all(jobs)
        self._publish("connection")

    def disconnect(self) -> None:
        """The engine was lost, or not reached."""
        self.connection = "lost"
        self._publish("connection")

    def set_status(self, status: Status) -> None:
        """Replace what is known of the engine and its machine."""
        self.status = status
        self._publish("status")

    # The workspace

    def set_contents(self, contents: Contents) -> bool:
        """Replace what the workspace holds; True if another SAE is in use after that."""
        self.contents = contents
        self._publish("contents")
        if self.sae_info() is not None:
            return False
        scanned = [sae.name for sae in contents.saes if sae.scanned]
        everyone = [sae.name for sae in contents.saes]
        return self.choose_sae(next(reversed(scanned or everyone), None))

    def set_prompts(self, prompts: list[SavedPrompt]) -> None:
        """Replace the prompts of the workspace."""
        self.contents = msgspec.structs.replace(self.contents, prompts=prompts)
        self._publish("contents")

    def set_marked_prompts(self, count: int) -> None:
        """So many prompts are marked now."""
        self.marked_prompts = count
        self._publish("marked_prompts")

    def sae_info(self) -> SAEInfo | None:
        """The SAE in use, as lists show it."""
        return next((sae for sae in self.contents.saes if sae.name == self.sae), None)

    def sets_for(self, sae: SAEInfo) -> list[str]:
        """The activation sets that an SAE can be scanned over, as far as is known: of its site, and
        as wide as it is. Those of its own model come last, and of these the newest."""
        fitting = [
            known
            for known in self.contents.activations
            if known.d_model == sae.d_in and sae.site in ("", known.site)
        ]
        fitting.sort(key=lambda known: known.model == sae.model)
        return [known.name for known in fitting]

    def sae_to_scan(self) -> str | None:
        """The newest SAE without a scan, which the next scan is most likely wanted of."""
        return next((s.name for s in reversed(self.contents.saes) if not s.scanned), None)

    def choose_sae(self, name: str | None) -> bool:
        """Use an SAE, and forget what belongs to the one before; False if it was in use."""
        if name == self.sae:
            return False
        self.sae = name
        self.table = self.detail = self.feature = self.feature_view = self.other_sae = None
        self.feature_filter = FeatureFilter()
        self.clamp.clear()
        self._publish("sae", "table", "feature", "detail", "filter")
        return True

    # The features

    def set_table(self, table: FeatureTable) -> bool:
        """Replace the feature table; False if it is of an SAE that is not in use."""
        if table.sae != self.sae:
            return False
        self.table = table
        if self.feature_view is not None and isinstance(self.feature_view.coactive, str):
            self.feature_view.coactive = None  # what a scan could not tell yet, it may tell now
        self._publish("table", "notes", "relatives")
        return True

    def set_filter(self, feature_filter: FeatureFilter) -> None:
        """Replace the filter that holds."""
        self.feature_filter = feature_filter
        self._publish("filter")

    def set_notes(self, sae: str, notes: dict[int, Note]) -> None:
        """Replace all notes about features of `sae`, if that is the one in use."""
        if self.table is None or self.table.sae != sae or self.table.notes == notes:
            return
        self.table = msgspec.structs.replace(self.table, notes=notes)
        self._publish("notes")

    def set_note(self, sae: str, feature: int, note: Note) -> None:
        """Replace the note about a feature of `sae`, if that is the one in use."""
        if self.table is not None:
            notes = {**self.table.notes, feature: note}
            if note == Note():
                del notes[feature]
            self.set_notes(sae, notes)

    def note(self, feature: int) -> Note:
        """What somebody wrote down about a feature of the SAE in use."""
        return Note() if self.table is None else self.table.notes.get(feature, Note())

    def label(self, feature: int) -> str:
        """The name that somebody gave to a feature of the SAE in use, or nothing."""
        return self.note(feature).label

    def choose_feature(self, feature: int) -> bool:
        """Select a feature; False if it was selected."""
        if feature == self.feature:
            return False
        self.feature = feature
        self.feature_view = None if self.sae is None else FeatureView(self.sae, feature)
        if self.sae is not None:
            self.visits.add(FeatureRef(self.sae, feature))
        self._publish("feature")
        return True

    def visit(self, step: int) -> FeatureRef | None:
        """The feature looked at before (-1) or after (1), of an SAE that is there."""
        known = {sae.name for sae in self.contents.saes}
        feature = self.visits.step(step)
        while feature is not None and feature.sae not in known:
            feature = self.visits.step(step)
        return feature

    def set_detail(self, sae: str, detail: FeatureDetail) -> bool:
        """Replace what is known of a feature of `sae`; False if another is selected by now."""
        if (sae, detail.id) != (self.sae, self.feature):
            return False
        self.detail = detail
        self._publish("detail")
        return True

    # Examples and relatives of the selected feature

    def step_examples(self, steps: int) -> bool:
        """Turn to weaker (1) or stronger (-1) examples; False where there are none."""
        if self.feature_view is None or not self.feature_view.step(steps):
            return False
        self._publish("examples")
        return True

    def stretch_examples(self, factor: float) -> bool:
        """Widen the windows around the peaks by a factor; False while the detail is awaited."""
        view, detail = self.feature_view, self.detail
        if view is None or detail is None or detail.id != view.feature:
            return False
        view.stretch(detail, factor)
        self._publish("examples")
        return True

    def set_examples(self, view: FeatureView, request: GetSnippets, answer: SnippetList) -> None:
        """Take an answer about examples, unless others are wanted by now."""
        if view is self.feature_view and request == view.request():
            view.examples = answer
            self._publish("examples")

    def set_nearest(self, view: FeatureView, answer: Relatives | str) -> None:
        """Take the features nearest to that of `view`, or why there are none."""
        view.nearest = answer
        self._publish("relatives")

    def set_coactive(self, view: FeatureView, answer: Relatives | str) -> None:
        """Take the features active together with that of `view`, or why there are none."""
        view.coactive = answer
        self._publish("relatives")

    def choose_other_sae(self, name: str) -> None:
        """Look for the nearest features in this SAE from now on."""
        self.other_sae = None if name == self.sae else name
        if self.feature_view is not None:
            self.feature_view.nearest = None
        self._publish("relatives")

    # Messages

    def add_message(self, message: UserMessage) -> None:
        """Keep what the user was told."""
        self.messages.append(message)
