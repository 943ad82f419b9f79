"""A line chart that is drawn only when its data or its size changed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text
from textual.color import Color
from textual.widget import Widget

from brainsurg_tui.widgets.bars import sparkline
from brainsurg_tui.widgets.cells import clip, fit
from brainsurg_tui.widgets.numbers import figure
from brainsurg_tui.widgets.plot import RGB, Points, drawable, plot
from brainsurg_tui.widgets.visible import visible

if TYPE_CHECKING:
    from brainsurg_tui.widgets.plot import Floats

LEAST_ROWS = 6
"""Below this height a frame and its labels leave no room for a line."""

_THEME_COLOURS = ("accent", "success", "warning", "secondary", "primary", "error")


class Chart(Widget):
    """One or more series as lines; as a sparkline each where it is lower than six rows."""

    DEFAULT_CSS = "Chart { height: 1fr; }"

    def __init__(
        self,
        *,
        x_label: str = "",
        y_label: str = "",
        log_y: bool = False,
        empty_text: str = "",
        ascii_only: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.x_label = x_label
        self.y_label = y_label
        self.log_y = log_y
        self.empty_text = empty_text
        self.ascii_only = ascii_only
        self._series: dict[str, tuple[Floats, Floats]] = {}

    def set_series(self, series: "Mapping[str, tuple[Floats, Floats]]") -> None:
        """Draw these series, name → (xs, ys), in their order.

        Values that are not finite are left out. The chart keeps what it is given: hand over new
        sequences instead of changing these.
        """
        self._series = dict(series)
        self.refresh()

    def render(self) -> Text:
        """Draw the series for the present size; Textual keeps the result until `refresh`."""
        width, height = self.size
        series = {
            visible(name, ascii_only=self.ascii_only): drawable(xs, ys, width, log_y=self.log_y)
            for name, (xs, ys) in self._series.items()
        }
        series = {name: points for name, points in series.items() if points.xs}
        if not series:
            return Text(visible(self.empty_text, ascii_only=self.ascii_only), "dim")
        colours = dict(zip(series, self._colours(len(series)), strict=True))
        if height < LEAST_ROWS:
            return self._sparklines(series, colours)
        drawn = plot(
            series, colours, width, height - 1, log_y=self.log_y, ascii_only=self.ascii_only
        )
        return Text("\n").join([self._legend(colours), drawn])

    def _legend(self, colours: Mapping[str, RGB]) -> Text:
        width = self.size.width
        line = "-" if self.ascii_only else "━"
        legend = Text(f"{self.y_label} (log)" if self.log_y else self.y_label)
        if len(colours) > 1 or not self.y_label:
            for name, colour in colours.items():
                legend.append("  " if legend else "")
                legend.append(f"{line} {name}", f"rgb{colour}".replace(" ", ""))
        legend.truncate(width, overflow="ellipsis")
        room = width - cell_len(legend.plain)
        if room > cell_len(self.x_label):
            legend.append(fit(self.x_label, room, "right"), "dim")
        return legend

    def _sparklines(self, series: Mapping[str, Points], colours: Mapping[str, RGB]) -> Text:
        width, height = self.size
        names = max(cell_len(name) for name in series)
        rows = []
        for name, points in list(series.items())[:height]:
            last = figure(10 ** points.ys[-1] if self.log_y else points.ys[-1])
            head = fit(clip(name, width // 3), min(names, width // 3)) + " "
            room = width - cell_len(head) - 9
            line = sparkline(points.ys, room, ascii_only=self.ascii_only)
            style = f"rgb{colours[name]}".replace(" ", "")
            rows.append(Text.assemble(head, (line, style), " ", fit(last, 8, "left")))
        return Text("\n").join(rows)

    def _colours(self, number: int) -> list[RGB]:
        variables = self.app.theme_variables
        names = [_THEME_COLOURS[index % len(_THEME_COLOURS)] for index in range(number)]
        return [Color.parse(variables[name]).rgb for name in names]
