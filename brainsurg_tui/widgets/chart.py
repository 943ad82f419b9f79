"""A line chart that is drawn only when its data or its look changed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.color import Color
from textual.reactive import reactive
from textual.widget import Widget

from brainsurg_tui.widgets.bars import sparkline
from brainsurg_tui.widgets.cells import fit
from brainsurg_tui.widgets.numbers import figure
from brainsurg_tui.widgets.plot import BRAILLE, Series, plot, points_to_draw
from brainsurg_tui.widgets.visible import visible

if TYPE_CHECKING:
    from brainsurg_tui.widgets.plot import Floats

LEAST_ROWS = 6
"""Below this height a frame with its labels leaves no room for a line."""

_COLOURS = ("accent", "success", "warning", "secondary", "primary", "error")
_MARKERS = "*+ox#@"  # one for each of the colours, where there are none
_FIGURE_WIDTH = 9


class Chart(Widget):
    """Series as lines with labelled axes; as a sparkline each where it is lower than six rows."""

    DEFAULT_CSS = "Chart { height: 1fr; }"

    x_label: reactive[str] = reactive("")
    y_label: reactive[str] = reactive("")
    log_y: reactive[bool] = reactive(False)
    empty_text: reactive[str] = reactive("")
    """What stands where no series has a point to draw."""
    ascii_only: reactive[bool] = reactive(False)
    """Whether all that is drawn is ASCII."""

    def __init__(
        self,
        *,
        x_label: str = "",
        y_label: str = "",
        log_y: bool = False,
        empty_text: str = "",
        ascii_only: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.set_reactive(Chart.x_label, x_label)
        self.set_reactive(Chart.y_label, y_label)
        self.set_reactive(Chart.log_y, log_y)
        self.set_reactive(Chart.empty_text, empty_text)
        self.set_reactive(Chart.ascii_only, ascii_only)
        self._series: dict[str, tuple[Floats, Floats]] = {}
        self._changes = 0
        self._drawn: tuple[object, Text] = (None, Text())

    def set_series(self, series: "Mapping[str, tuple[Floats, Floats]]") -> None:
        """Draw these series, name → (xs, ys), the first one on top.

        Values that are not finite are left out, and those at or below 0 on a logarithmic axis.
        What is handed over is not copied: call again after changing it.
        """
        self._series = dict(series)
        self._changes += 1
        self.refresh()

    def render(self) -> Text:
        """Return the drawing, made anew only where something in it changed."""
        variables = self.app.theme_variables
        colours = list(dict.fromkeys(Color.parse(variables[name]) for name in _COLOURS))
        settings = (self.x_label, self.y_label, self.log_y, self.empty_text, self.ascii_only)
        view = (self._changes, self.size, settings, colours)
        if self._drawn[0] != view:
            self._drawn = (view, self._draw(colours))
        return self._drawn[1]

    def _draw(self, colours: Sequence[Color]) -> Text:
        width, height = self.size
        lines = []
        for index, (name, (xs, ys)) in enumerate(self._series.items()):
            points = points_to_draw(xs, ys, width, log_y=self.log_y)
            shown = visible(name, ascii_only=self.ascii_only)
            if points[0]:
                turn = index % len(colours)
                lines.append(Series(shown, *points, colours[turn], self._marker(turn)))
        if not lines:
            return Text(visible(self.empty_text, ascii_only=self.ascii_only), "dim")
        if height < LEAST_ROWS:
            return self._sparklines(lines[:height])
        # The last one drawn lies on top.
        drawn = plot(lines[::-1], width, height - 1, log_y=self.log_y, ascii_only=self.ascii_only)
        return Text("\n").join([self._legend(lines), drawn])

    def _marker(self, turn: int) -> str:
        without_colours = self.app.no_color and len(self._series) > 1
        return _MARKERS[turn] if self.ascii_only or without_colours else BRAILLE

    def _legend(self, lines: Sequence[Series]) -> Text:
        """Return one line: what the ys are, which line is which, and at its end what the xs are."""
        width = self.size.width
        scale = [self.y_label, "(log)" if self.log_y else ""]
        parts = [Text(" ".join(part for part in scale if part))]
        for line in lines if len(lines) > 1 or not self.y_label else ():
            sign = "━" if line.marker == BRAILLE else line.marker
            parts.append(Text(f"{sign} {line.name}", _style(line)))
        legend = Text("  ").join(part for part in parts if part)
        room = width - cell_len(legend.plain)
        if room > cell_len(self.x_label):
            legend.append(fit(self.x_label, room, "right"), "dim")
        legend.truncate(width, overflow="crop" if self.ascii_only else "ellipsis")
        return legend

    def _sparklines(self, lines: Sequence[Series]) -> Text:
        width = self.size.width
        names = min(max(cell_len(line.name) for line in lines), width // 3)
        rows = []
        for line in lines:
            name = fit(line.name, names, ellipsis="~" if self.ascii_only else "…")
            room = width - names - _FIGURE_WIDTH - 2
            bar = sparkline(line.ys, room, ascii_only=self.ascii_only)
            last = figure(10 ** line.ys[-1] if self.log_y else line.ys[-1])
            rows.append(Text.assemble(name, " ", (bar, _style(line)), " ", last))
        return Text("\n").join(rows)


def _style(line: Series) -> Style:
    return Style(color=line.colour.rich_color)
