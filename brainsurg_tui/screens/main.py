"""The one screen: six panes between three lines, laid out for the terminal there is."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.events import DescendantFocus, Resize
from textual.geometry import Region
from textual.screen import Screen
from textual.widgets import Static

from brainsurg_tui import layout as arrangement
from brainsurg_tui.actions import bindings, possible
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
from brainsurg_tui.settings import Memory, Sorting
from brainsurg_tui.state.state import State


class MainScreen(Screen[None]):
    """Owns what is seen where, and where the focus is; not what the panes show."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("main")

    def __init__(self, memory: Memory, *, ascii_only: bool) -> None:
        super().__init__()
        self._memory = memory
        self.state = State()
        self.prompts = PromptsPane("prompts", ascii_only=ascii_only)
        self.features = FeaturesPane("features", ascii_only=ascii_only)
        self.snippets = SnippetsPane("snippets", ascii_only=ascii_only)
        self.clamp = ClampPane("clamp", ascii_only=ascii_only)
        self.loss = LossPane("loss", ascii_only=ascii_only)
        self.jobs = JobsPane("jobs", ascii_only=ascii_only)
        panes = (self.prompts, self.features, self.snippets, self.clamp, self.loss, self.jobs)
        self.findings = FindingsSheet("findings", ascii_only=ascii_only)
        sheets = (DetailSheet("detail", ascii_only=ascii_only), self.findings)
        self.panes: dict[str, Pane] = dict(zip((*PANES, *SHEETS), (*panes, *sheets), strict=True))
        for pane in (self.prompts, self.features):
            pane.restore(memory.tables.get(pane.name or "", pane.sorting))
        self.active = memory.pane if memory.pane in PANES else "prompts"
        self.lower = self.active if self.active in ("loss", "jobs") else "loss"
        self.zoomed = False
        self._came_from = self.active
        self._under: list[str] = []
        self._top = TopLine("top-line", ascii_only=ascii_only)
        self._job = JobLine("job-line", ascii_only=ascii_only)
        self._hints = HintLine("hint-line", ascii_only=ascii_only)
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

    def show(self, state: State, *names: str) -> None:
        """Hand the state to the panes of these names (none: to all) and to the lines."""
        self.state = state
        if not (self.is_mounted and self.app.is_running):
            return  # too early, or too late: the widgets are not all there
        with self.app.batch_update():
            for name in names or self.panes:
                self.panes[name].state = state
                self.panes[name].show(state)
            for line in (self._top, self._job, self._hints):
                line.show(state)
        self.refresh_bindings()

    def sortings(self) -> dict[str, Sorting]:
        """Order and filter of the tables, to be remembered."""
        return {"prompts": self.prompts.sorting, "features": self.features.sorting}

    # Where they are

    @property
    def mode(self) -> arrangement.Mode:
        """How many columns there are."""
        return arrangement.mode_of(self.size.width, max(0, self.size.height - 3))

    def on_resize(self, event: Resize) -> None:
        """Lay the panes out for the new size."""
        self.rearrange()

    def rearrange(self) -> None:
        """Lay the panes out, or say that there is no room."""
        width, height = self.size
        tiny = arrangement.too_small(width, height)
        self.set_class(tiny, "-too-small")
        if tiny:
            least = "×".join(map(str, arrangement.SMALLEST))
            self._too_small.update(
                f"{width}×{height} is too small.\nFrom {least} on there is something to see."
            )
            return
        places = arrangement.arrange(
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
            self._came_from = self.remembered
            self._under.clear()
        self.active = name

    @property
    def remembered(self) -> str:
        """The pane to begin with the next time."""
        return next((name for name in (self.active, *self._under) if name in PANES), PANES[0])

    def go_to(self, name: str) -> None:
        """Show and focus a pane or a sheet."""
        if name != self.active:
            self._leave_for(name)
        if name in ("loss", "jobs"):
            self.lower = name
        self.rearrange()
        self.panes[name].target.focus()

    def action_pane(self, number: int) -> None:
        """Go to the pane of this number."""
        self.go_to(PANES[number - 1])

    def action_findings(self) -> None:
        """Go back to what the last search found."""
        self.go_to("findings")

    def wanted(self) -> list[int]:
        """The features that are meant where the focus is: those marked, or the one looked at."""
        if self.active == "findings" and self.findings.table.shown:
            return self.findings.wanted()
        if self.active == "detail" and self.state.feature is not None:
            return [self.state.feature]
        return self.features.wanted()

    @property
    def listing(self) -> TablePane:
        """The list of features that a detail lies over, or the one there always is."""
        return self.findings if "findings" in self._under else self.features

    def action_next_pane(self) -> None:
        """Go to the pane after this one."""
        self.go_to(PANES[(PANES.index(self.remembered) + 1) % len(PANES)])

    def action_previous_pane(self) -> None:
        """Go to the pane before."""
        self.go_to(PANES[PANES.index(self.remembered) - 1])

    def _go_back(self) -> None:
        """From a sheet to what it lies over."""
        self.active = self._under.pop()
        self.rearrange()
        self.panes[self.active].show(self.state)
        self.panes[self.active].target.focus()

    def action_zoom(self) -> None:
        """Give the pane the whole screen, or only its part."""
        self.zoomed = not self.zoomed
        self.rearrange()

    def action_jump(self) -> None:
        """Put letters on the panes, and on the names of those that are not seen."""
        places = self._top.tabs_at() | self._job.hidden_at()
        places |= {name: pane.region.offset for name, pane in self.panes.items() if pane.display}
        in_order = {name: places[name] for name in PANES if name in places}
        self.app.push_screen(Jump(in_order), self._jumped)

    def _jumped(self, name: str | None) -> None:
        if name is not None:
            self.go_to(name)

    def action_wider(self) -> None:
        """Widen the column of this pane."""
        self._stretch(wider=1)

    def action_narrower(self) -> None:
        """Narrow it."""
        self._stretch(wider=-1)

    def action_taller(self) -> None:
        """Give this pane more of its column."""
        self._stretch(taller=1)

    def action_shorter(self) -> None:
        """Give it less."""
        self._stretch(taller=-1)

    def _stretch(self, *, wider: int = 0, taller: int = 0) -> None:
        self._memory.weights = arrangement.resized(
            self._memory.weights, self.mode, self.active, self.lower, wider=wider, taller=taller
        )
        self.rearrange()

    # Keys that every pane answers in its own way

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what can't be done now."""
        return True if possible(action, self.state) else None

    def namespace(self, home: str) -> DOMNode:
        """Whose methods the actions of this home are."""
        return self.panes.get(home, self)

    @property
    def pane(self) -> Pane:
        """The pane that has the focus, or had it last."""
        return self.panes[self.active]

    def action_filter(self) -> None:
        """Type a filter."""
        self.pane.open_filter()

    def action_next_match(self) -> None:
        """Go to the next row of what the filter found."""
        self.pane.step(1)

    def action_previous_match(self) -> None:
        """Go to the one before."""
        self.pane.step(-1)

    def action_back(self) -> None:
        """Clear the filter, then the sheet or the zoom, then go to the pane before."""
        if self.pane.clear_filter():
            return
        if self._under:
            self._go_back()
        elif self.zoomed:
            self.action_zoom()
        else:
            self.go_to(self._came_from)
