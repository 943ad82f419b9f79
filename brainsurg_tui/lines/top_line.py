"""The first line: what is open, which panes there are, how the machine and the engine are."""

from itertools import accumulate

from rich.style import Style
from rich.text import Text
from textual.geometry import Offset
from textual.reactive import reactive

from brainsurg_tui.layout import PANES
from brainsurg_tui.lines.line import StatusLine
from brainsurg_tui.panes.jobs import text as job_texts
from brainsurg_tui.widgets.cells import clip
from brainsurg_tui.widgets.numbers import quantity
from brainsurg_tui.widgets.visible import visible

_SHORT = ("Prompts", "Feat", "Snip", "Clamp", "Loss", "Jobs")


class TopLine(StatusLine):
    """Model, site and SAE; the six panes where not all are seen; the machine and the engine."""

    active: reactive[str] = reactive("prompts")
    tabs: reactive[bool] = reactive(True)
    """Whether the names of the panes are needed."""
    _strip_from = 0

    def text(self) -> Text:
        """What is open, the panes where not all are seen, and how machine and engine are."""
        left = Text(no_wrap=True, end="")
        right = self._machine()
        if self.tabs:
            strip = self._strip()
            name = visible(self._subject(short=True), ascii_only=self.ascii_only)
            room = self.size.width - strip.cell_len - right.cell_len - 3
            if room < 8:
                right = self._dot()
                room = self.size.width - strip.cell_len - right.cell_len - 3
            left.append(f" {clip(name, max(0, room))} ", "bold")
            self._strip_from = left.cell_len
            left.append_text(strip)
        else:
            left.append(" brain surgery ", f"bold {self.accent}")
            left.append(f" {visible(self._subject(short=False), ascii_only=self.ascii_only)}")
        return self.fit(left, right)

    def _subject(self, *, short: bool) -> str:
        sae = self.state.sae_info()
        if sae is None:
            return "" if not short else "brain surgery"
        model = job_texts.short(sae.model)
        if short:
            return f"{model}·L{sae.site.rpartition('.')[2]}·{quantity(sae.d_sae)}"
        k = "" if sae.k is None else f", k {sae.k}"
        places = " → ".join(filter(None, (sae.site, sae.target_site)))
        return f"{model} · {places} · sae {sae.name} ({sae.arch} {sae.d_sae:,}{k})"

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
            style = Style(meta={"@click": f"app.do('pane_{number}')"})
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
        if self.state.connection == "connected" and self.state.contents.is_read_only:
            return Text("● reading only " if named else "● read ", "bold")
        if self.state.connection == "connected":
            return Text("● engine " if named else "● ", "dim")
        word = "connecting… " if self.state.connection == "connecting" else "no engine "
        return Text(f"● {word}", "bold")
