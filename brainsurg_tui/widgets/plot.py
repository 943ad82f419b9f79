"""Drawing series as lines of characters, with plotext."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text
from textual.color import Color

from brainsurg_tui.widgets.downsample import keep_extremes
from brainsurg_tui.widgets.ticks import power_ticks, round_ticks, tick_labels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = Sequence[float] | NDArray[np.number]

BRAILLE = "braille"
"""The marker that draws the finest line: eight dots to a cell."""

# A range wider than this overflows; what is so large is shown at the edge of no chart.
_HUGE = 1e300
_ASCII_FRAME = str.maketrans("│─┤┬└┼", "|-++++")


class Series(NamedTuple):
    """A series that is ready to be drawn."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    colour: Color
    marker: str
    """A character, or `BRAILLE`."""


def points_to_draw(
    xs: "Floats", ys: "Floats", width: int, *, log_y: bool
) -> tuple[Sequence[float], Sequence[float]]:
    """Return the few points of a series that show in `width` cells; with `log_y` log10 of the ys.

    Points that are not finite are left out; on a logarithmic axis those at or below 0 too.
    """
    import numpy as np

    x, y = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    x, y = (np.where(np.abs(values) < _HUGE, values, np.nan) for values in (x, y))
    if log_y:
        y = np.log10(np.where(y > 0, y, np.nan))
    x, y = keep_extremes(x, y, width)
    return x.tolist(), y.tolist()


def plot(
    lines: Sequence[Series], width: int, height: int, *, log_y: bool, ascii_only: bool
) -> Text:
    """Return the lines in a frame with labels, in all `width` by `height` cells.

    Every line has at least one point. With `log_y` the ys are log10 of what the labels say.
    """
    import plotext

    left, right = _limits([x for line in lines for x in line.xs])
    bottom, top = _limits([y for line in lines for y in line.ys])
    if not log_y and 0 < bottom < (top - bottom) / 4:
        bottom = 0.0  # so near that a curve should be seen from it
    plotext.terminal.limit(False, False)  # the pane decides, not what a shell says
    figure = plotext.figure  # there is one in a process
    figure.clear()
    plotext.add_theme("dim frame", text=plotext.pixel(style="dim"))
    figure.theme("dim frame")
    figure.plot_size(width, height)
    for axis in (0, 1):
        figure.axes(False, axis=axis, side=1)
    for line in lines:
        marker = plotext.marker(line.marker, plotext.pixel(foreground=_foreground(line.colour)))
        signal = figure.signal(line.xs, line.ys, marker=marker)
        figure.draw(signal.lines(True).density("full"))
    x_ticks = round_ticks(left, right, max(2, width // 12))
    figure.ruler(0, 0).lim(left, right).ticks(x_ticks, tick_labels(x_ticks))
    figure.ruler(1, 0).lim(bottom, top).ticks(*_y_ticks(bottom, top, height // 2, log_y))
    drawn = str(figure.build()).rstrip("\n")
    return Text.from_ansi(drawn.translate(_ASCII_FRAME) if ascii_only else drawn)


def _foreground(colour: Color) -> int | tuple[int, int, int]:
    """Return a colour as plotext takes it; the terminal's own colours by their number."""
    return colour.rgb if colour.ansi is None else colour.ansi


def _y_ticks(bottom: float, top: float, most: int, log_y: bool) -> tuple[list[float], list[str]]:
    if not log_y:
        ticks = round_ticks(bottom, top, most)
        return ticks, tick_labels(ticks)
    powers = power_ticks(bottom, top, most)
    return [at for at, _ in powers], [label for _, label in powers]


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low < high:
        return low, high
    margin = abs(low) / 10 or 1.0
    return low - margin, high + margin
