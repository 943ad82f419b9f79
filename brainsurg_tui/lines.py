"""The three lines around the panes: what is open, what runs, and which keys do something."""

from collections.abc import Callable
from itertools import accumulate

from rich.style import Style
from rich.text import Text
from textual.geometry import Offset
from textual.reactive import reactive
from textual.widget import Widget

from brainsurg_tui.actions import BY_ID, HINTS
from brainsurg_tui.arrangement import PANES
from brainsurg_tui.panes import job_texts
from brainsurg_tui.state import State
from brainsurg_tui.widgets.bars import sparkline
from brainsurg_tui.widgets.cells import clip
from brainsurg_tui.widgets.numbers import quantity
from brainsurg_tui.widgets.visible import visible
from engine.service.protocol import Train, describe

_CURVE = 10
"""Cells of the running job's curve."""
_SHORT = ("Prompts", "Feat", "Snip", "Clamp", "Loss", "Jobs")


class Line(Widget):
    """One line of text about the state."""

    DEFAULT_CSS = "Line { height: 1; }"

    def __init__(self, id: str, *, ascii_only: bool) -> None:
        super().__init__(id=id)
        self.ascii_only = ascii_only
        self.state = State()
        self._drawn = Text()

    def show(self, state: State) -> None:
        """Draw anew, where something is new."""
        self.state = state
        if self.drawn() != self._drawn:
            self.refresh()

    def render(self) -> Text:
        """Draw the line."""
        self._drawn = self.drawn()
        return self._drawn.copy()

    def drawn(self) -> Text:
        """The line for the present state."""
        raise NotImplementedError

    @property
    def accent(self) -> str:
        """The one colour."""
        return self.app.theme_variables["accent"]

    def fitted(self, left: Text, right: Text) -> Text:
        """`left`, cut where it must be, and `right` at the right end."""
        room = max(0, self.size.width - right.cell_len - 1)
        if left.cell_len > room:
            left.truncate(room, overflow="ellipsis")
        left.append(" " * (self.size.width - left.cell_len - right.cell_len))
        return left.append_text(right)


class TopLine(Line):
    """Model, site and SAE; the six panes where not all are seen; the machine and the engine."""

    active: reactive[str] = reactive("prompts")
    tabs: reactive[bool] = reactive(True)
    """Whether the names of the panes are needed."""
    _strip_from = 0

    def drawn(self) -> Text:
        """The line for the present state."""
        left = Text(no_wrap=True, end="")
        right = self._machine()
        if self.tabs:
            strip = self._strip()
            name = self._subject(short=True)
            room = self.size.width - strip.cell_len - right.cell_len - 3
            if room < 8:
                right = self._dot()
                room = self.size.width - strip.cell_len - right.cell_len - 3
            left.append(f" {clip(name, max(0, room))} ", "bold")
            self._strip_from = left.cell_len
            left.append_text(strip)
        else:
            left.append(" brain surgery ", f"bold {self.accent}")
            left.append(f" {self._subject(short=False)}")
        return self.fitted(left, right)

    def _subject(self, *, short: bool) -> str:
        sae = self.state.sae_info()
        if sae is None:
            return "" if not short else "brain surgery"
        model = visible(sae.model.rstrip("/").rpartition("/")[2])
        if short:
            return f"{model}·L{sae.site.rpartition('.')[2]}·{quantity(sae.d_sae)}"
        k = "" if sae.k is None else f", k {sae.k}"
        return f"{model} · {sae.site} · sae {sae.name} ({sae.arch} {sae.d_sae:,}{k})"

    def tabs_at(self) -> dict[str, Offset]:
        """Where the name of each pane stands on the screen."""
        if not self.tabs:
            return {}
        widths = [len(short) + 3 for short in _SHORT]
        starts = accumulate(widths, initial=self._strip_from)
        return {
            pane: self.region.offset + Offset(x, 0) for pane, x in zip(PANES, starts, strict=False)
        }

    def _strip(self) -> Text:
        strip = Text()
        for number, (pane, short) in enumerate(zip(PANES, _SHORT, strict=True), 1):
            style = Style(meta={"@click": f"screen.pane({number})"})
            if pane == self.active:
                strip.append(f"[{number}{short}]", Style.parse(f"bold {self.accent}") + style)
            else:
                strip.append(f" {number}{short} ", style)
        return strip

    def _machine(self) -> Text:
        text = Text()
        status = self.state.status
        if status is not None and status.gpus:
            gpu = status.gpus[0]
            used, total = gpu.used / 1e9, gpu.total / 1e9
            text.append(f"GPU {gpu.utilisation}% {used:.0f}/{total:.0f} GB  ", "dim")
        return text.append_text(self._dot(named=True))

    def _dot(self, *, named: bool = False) -> Text:
        if self.state.connection == "connected":
            return Text("● engine " if named else "● ", "dim")
        word = "connecting… " if self.state.connection == "connecting" else "no engine "
        return Text(f"● {word}", "bold")


class JobLine(Line):
    """The running job with its bar and curve; without one, what could be done next."""

    hidden: reactive[str] = reactive("")
    """Name of the one pane that is not seen."""

    def drawn(self) -> Text:
        """The line for the present state."""
        running = self.state.running()
        if not running:
            return self.fitted(
                Text(f" {self._idle()}", "dim", no_wrap=True, end=""), self._right("")
            )
        job = next((job for job in running if job.state == "running"), running[0])
        left = Text.assemble((f" job {job.id} ", "bold"), describe(job.spec), " ", end="")
        left.no_wrap = True
        if job.state != "running":
            left.append(f"{job.state} ", "dim")
        left.append_text(job_texts.bar(job, 15, self.accent, ascii_only=self.ascii_only))
        waiting = len(running) - 1
        right = self._right(f"+{waiting} more" if waiting else "")
        remaining = Text(f"  {job_texts.remaining(job.progress)}", "dim")
        room = self.size.width - left.cell_len - remaining.cell_len - right.cell_len - 1
        if job.progress is not None and isinstance(job.spec, Train):
            left.append_text(self._training(job.id, job.progress.metrics, room))
        return self.fitted(left.append_text(remaining), right)

    def _training(self, job: int, metrics: dict[str, float], room: int) -> Text:
        """The loss and its curve, and where there is room the other figures."""
        _, losses = self.state.history(job).curve("loss")
        curve = sparkline(losses, _CURVE, ascii_only=self.ascii_only)
        for names in (("loss", "fvu", "l0"), ("loss", "fvu"), ("loss",)):
            text = Text("  " + "  ".join(job_texts.metrics(metrics, names)))
            text.append(f" {curve}", self.accent)
            if text.cell_len <= room:
                return text
        return Text()

    def _right(self, text: str) -> Text:
        return Text("   ".join(filter(None, (text, self._hidden_title()))) + " ", "dim")

    def _hidden_title(self) -> str:
        return f"{PANES.index(self.hidden) + 1} {self.hidden.title()}" if self.hidden else ""

    def hidden_at(self) -> dict[str, Offset]:
        """Where the name of the pane that is not seen stands on the screen."""
        if not self.hidden:
            return {}
        from_right = len(self._hidden_title()) + 1
        return {self.hidden: self.region.offset + Offset(self.size.width - from_right, 0)}

    def _idle(self) -> str:
        state = self.state
        if state.connection == "connecting":
            return "connecting to the engine …"
        if state.connection == "lost":
            return "The engine is gone; trying to reach it again …"
        if not state.contents.activations:
            return "Next: C captures activations of the prompts."
        sae = state.sae_info()
        if sae is None:
            return "Next: T trains an SAE on the activations."
        if not sae.scanned:
            return f"Next: S scans {sae.name} for its features."
        if state.report is None:
            return "Next: choose a feature in pane 2, c clamps it."
        return "no job runs"


class HintLine(Line):
    """At most six keys, those of the focused pane first, `?` always among them."""

    pane: reactive[str] = reactive("prompts")

    def __init__(self, id: str, *, ascii_only: bool, key_of: Callable[[str], str]) -> None:
        super().__init__(id, ascii_only=ascii_only)
        self._key_of = key_of

    def drawn(self) -> Text:
        """The line for the present state."""
        *others, help = [
            hint
            for id in HINTS[self.pane]
            if BY_ID[id].possible(self.state) and (hint := self._hint(id))
        ]
        room = self.size.width - help.cell_len
        text = Text(" ", no_wrap=True, end="")
        for hint in others:
            if text.cell_len + hint.cell_len <= room:
                text.append_text(hint)
        return self.fitted(text.append_text(help), Text())

    def _hint(self, id: str) -> Text:
        return Text.assemble(
            (self._key_of(id), f"bold {self.accent}"), (f" {BY_ID[id].hint}   ", "dim")
        )
