"""The one screen: six panes between three lines, laid out for the terminal there is."""

import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import DescendantFocus, Resize
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets import Static

from brainsurg_tui import layout
from brainsurg_tui.actions.registry import bindings
from brainsurg_tui.layout import PANES, SHEETS
from brainsurg_tui.lines.hint_line import HintLine
from brainsurg_tui.lines.job_line import JobLine
from brainsurg_tui.lines.top_line import TopLine
from brainsurg_tui.panes.clamp.pane import ClampPane
from brainsurg_tui.panes.detail.pane import DetailSheet
from brainsurg_tui.panes.features.pane import FeaturesPane
from brainsurg_tui.panes.findings.pane import FindingsSheet
from brainsurg_tui.panes.jobs.pane import JobsPane
from brainsurg_tui.panes.loss.pane import LossPane
from brainsurg_tui.panes.pane import Pane
from brainsurg_tui.panes.prompts.pane import PromptsPane
from brainsurg_tui.panes.snippets.pane import SnippetsPane
from brainsurg_tui.panes.table_pane import TablePane
from brainsurg_tui.screens.jump import Jump
from brainsurg_tui.screens.pane_area import PaneArea
from brainsurg_tui.settings import Memory, Sorting, WorkspaceMemory
from brainsurg_tui.state.parts import FREQUENT, StatePart
from brainsurg_tui.state.state import State

_REDRAW = 0.5
"""Seconds between two drawings of what jobs report: a chart is 8 KB over the link."""


class MainScreen(Screen[None]):
    """Owns what is seen where, where the focus is, and when panes are painted."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("main")

    def __init__(
        self, state: State, memory: Memory, remembered: WorkspaceMemory, *, ascii_only: bool
    ) -> None:
        """`memory` gives the shares of the last session, and keeps new ones; `remembered` gives
        pane and tables of the last session in this workspace."""
        super().__init__()
        self._state = state
        self._memory = memory
        self.prompts = PromptsPane("prompts", state, ascii_only=ascii_only)
        self.features = FeaturesPane("features", state, ascii_only=ascii_only)
        self.snippets = SnippetsPane("snippets", state, ascii_only=ascii_only)
        self.clamp = ClampPane("clamp", state, ascii_only=ascii_only)
        self.loss = LossPane("loss", state, ascii_only=ascii_only)
        self.jobs = JobsPane("jobs", state, ascii_only=ascii_only)
        panes = (self.prompts, self.features, self.snippets, self.clamp, self.loss, self.jobs)
        self.detail = DetailSheet("detail", state, ascii_only=ascii_only)
        self.findings = FindingsSheet("findings", state, ascii_only=ascii_only)
        sheets = (self.detail, self.findings)
        self.panes: dict[str, Pane] = dict(zip((*PANES, *SHEETS), (*panes, *sheets), strict=True))
        """By their names, panes before sheets."""
        for pane in (self.prompts, self.features):
            pane.restore(remembered.tables.get(pane.name or "", pane.sorting))
        self.active = remembered.pane if remembered.pane in PANES else "prompts"
        self.lower = self.active if self.active in ("loss", "jobs") else "loss"
        self.zoomed = False
        self._changed: set[StatePart] = set()
        self._changed_often: set[StatePart] = set()
        self._painted = 0.0
        self._came_from = self.active
        self._under: list[str] = []
        self._top = TopLine("top-line", state, ascii_only=ascii_only)
        self._job = JobLine("job-line", state, ascii_only=ascii_only)
        self._hints = HintLine("hint-line", state, ascii_only=ascii_only)
        self._area = PaneArea(*panes, *sheets)
        self._too_small = Static(id="too-small", markup=False)

    def compose(self) -> ComposeResult:
        """Lay the lines around the panes."""
        yield self._top
        yield self._area
        yield self._job
        yield self._hints
        yield self._too_small

    def on_mount(self) -> None:
        """Begin where the last session ended."""
        self.rearrange()
        self.panes[self.active].target.focus()

    # What the panes show

    def on_state_change(self, parts: frozenset[StatePart]) -> None:
        """Paint what shows one of these parts: after what is being done now, or, where they change
        many times a second, together with what else of that kind changes for a while."""
        if often := parts & FREQUENT:
            if not self._changed_often:
                since = time.monotonic() - self._painted
                self.set_timer(max(0.01, _REDRAW - since), self._paint_often)
            self._changed_often |= often
        if now := parts - FREQUENT:
            if not self._changed:
                self.app.call_next(self.paint)
            self._changed |= now

    def paint(self) -> None:
        """Paint what has changed at once."""
        parts, self._changed = self._changed, set()
        if parts:
            self._paint(parts)

    def _paint_often(self) -> None:
        parts, self._changed_often = self._changed_often, set()
        self._painted = time.monotonic()
        self._paint(parts)

    def _paint(self, parts: set[StatePart]) -> None:
        if not (self.is_mounted and self.app.is_running):
            return  # too early, or too late: the widgets are not all there
        with self.app.batch_update():
            for pane in self.panes.values():
                if pane.shows & parts:
                    pane.show()
            for line in (self._top, self._job, self._hints):
                line.show()
        self.refresh_bindings()

    def sortings(self) -> dict[str, Sorting]:
        """Order and filter of the tables, to be remembered."""
        return {"prompts": self.prompts.sorting, "features": self.features.sorting}

    # Where they are

    @property
    def mode(self) -> layout.Mode:
        """How many columns there are."""
        return layout.mode_of(self.size.width, max(0, self.size.height - 3))

    def on_resize(self, event: Resize) -> None:
        """Lay the panes out for the new size."""
        self.rearrange()

    def rearrange(self) -> None:
        """Lay the panes out, or say that there is no room."""
        width, height = self.size
        tiny = layout.too_small(width, height)
        self.set_class(tiny, "-too-small")
        if tiny:
            least = "×".join(map(str, layout.SMALLEST))
            self._too_small.update(
                f"{width}×{height} is too small.\nFrom {least} on there is something to see."
            )
            return
        places = layout.arrange(
            width,
            height - 3,
            active=self.active,
            lower=self.lower,
            zoomed=self.zoomed,
            weights=self._memory.weights,
        )
        self._area.place(places)
        self._top.tabs = len(places) == 1
        self._top.active = self._hints.pane = self.active
        self._job.hidden = self._hidden(places)
        for name, pane in self.panes.items():
            pane.title_line.active = name == self.active

    def _hidden(self, places: dict[str, Region]) -> str:
        """The pane that shares its place with another, where several are seen."""
        hidden = [name for name in PANES if name not in places]
        return hidden[0] if len(hidden) == 1 else ""

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Follow the focus, however it moved."""
        nodes = event.widget.ancestors_with_self
        pane = next((node for node in nodes if node.id in self.panes), None)
        if pane is not None and pane.id is not None and pane.id != self.active:
            self._leave_for(pane.id)
            self.rearrange()

    def _leave_for(self, name: str) -> None:
        """Remember the way back: to the pane before, and from a sheet to what it lies over."""
        if name in SHEETS:
            if self.active != name:
                self._under.append(self.active)
        else:
            self._came_from = self.last_pane
            self._under.clear()
        self.active = name

    @property
    def last_pane(self) -> str:
        """The pane to begin with the next time."""
        return next((name for name in (self.active, *self._under) if name in PANES), PANES[0])

    def go_to(self, name: str) -> None:
        """Show and focus a pane or a sheet."""
        if name != self.active:
            self._leave_for(name)
        if name in ("loss", "jobs"):
            self.lower = name
        self.rearrange()
        if name in SHEETS:
            self.panes[name].show()  # a sheet that is not seen is not painted
        self.panes[name].target.focus()

    def selected_features(self) -> list[int]:
        """The features that are meant where the focus is: those marked in a list that is seen, or
        the one looked at."""
        if self.active == "findings" and self.findings.table.shown:
            return self.findings.selected_features()
        unseen = self.active != "features" and not self.features.display
        if (self.active == "detail" or unseen) and self._state.feature is not None:
            return [self._state.feature]
        return self.features.selected_features()

    @property
    def listing(self) -> TablePane:
        """The list of features that a detail lies over, or the one there always is."""
        return self.findings if "findings" in self._under else self.features

    def go_to_next_pane(self, step: int) -> None:
        """Go to the pane after this one (1), or to the one before (-1)."""
        self.go_to(PANES[(PANES.index(self.last_pane) + step) % len(PANES)])

    def _leave_sheet(self) -> None:
        """From a sheet to what it lies over."""
        self.active = self._under.pop()
        self.rearrange()
        self.panes[self.active].show()
        self.panes[self.active].target.focus()

    def zoom(self) -> None:
        """Give the pane the whole screen, or only its part."""
        self.zoomed = not self.zoomed
        self.rearrange()

    def jump(self) -> None:
        """Put letters on the panes, and on the names of those that are not seen."""
        places = self._top.tabs_at() | self._job.hidden_at()
        places |= {name: pane.region.offset for name, pane in self.panes.items() if pane.display}
        in_order = {name: places[name] for name in PANES if name in places}
        self.app.push_screen(Jump(in_order), self._go_to_letter)

    def _go_to_letter(self, name: str | None) -> None:
        if name is not None:
            self.go_to(name)

    def stretch(self, *, wider: int = 0, taller: int = 0) -> None:
        """Widen the column of this pane, and heighten the pane, by so many steps."""
        self._memory.weights = layout.resize(
            self._memory.weights, self.mode, self.active, self.lower, wider=wider, taller=taller
        )
        self.rearrange()

    @property
    def pane(self) -> Pane:
        """The pane that has the focus, or had it last."""
        return self.panes[self.active]

    def go_back(self) -> None:
        """Clear the filter, then the sheet or the zoom, then go to the pane before."""
        if self.pane.clear_filter():
            return
        if self._under:
            self._leave_sheet()
        elif self.zoomed:
            self.zoom()
        else:
            self.go_to(self._came_from)
