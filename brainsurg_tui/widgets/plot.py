"""Drawing series as lines of characters, with plotext."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from brainsurg_tui.widgets.downsample import keep_extremes
from brainsurg_tui.widgets.ticks import power_ticks, round_ticks, tick_labels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = Sequence[float] | NDArray[np.number]

RGB = tuple[int, int, int]

_ASCII_FRAME = str.maketrans("│─┤┬└┼├┴", "|-++++++")


class Points(NamedTuple):
    """A series that is ready to be drawn: few and finite points."""

    xs: Sequence[float]
    ys: Sequence[float]


def drawable(xs: "Floats", ys: "Floats", width: int, *, log_y: bool) -> Points:
    """Return the points of a series for `width` columns; with `log_y` their ys as log10.

    Points that are not finite are left out; on a logarithmic axis those at or below 0 too.
    """
    import numpy as np

    y = np.asarray(ys, dtype=np.float64)
    if log_y:
        with np.errstate(divide="ignore", invalid="ignore"):
            y = np.log10(y)
    kept_xs, kept_ys = keep_extremes(xs, y, width)
    return Points(kept_xs.tolist(), kept_ys.tolist())


def plot(
    series: Mapping[str, Points],
    colours: Mapping[str, RGB],
    width: int,
    height: int,
    *,
    log_y: bool = False,
    ascii_only: bool = False,
) -> Text:
    """Return the series as lines in a frame of `width` by `height` cells.

    With `log_y` the ys are log10 of what the labels say. At least one point is needed.
    """
    import plotext

    left, right = _limits([x for points in series.values() for x in points.xs])
    bottom, top = _limits([y for points in series.values() for y in points.ys])
    figure = plotext.figure  # plotext has one figure for the whole process
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(width, height)
    for axis in (0, 1):
        figure.axes(False, axis=axis, side=1)
    for name, points in series.items():
        pixel = plotext.pixel(foreground=colours[name])
        marker = plotext.marker("*" if ascii_only else "braille", pixel)
        signal = figure.signal(points.xs, points.ys, marker=marker)
        figure.draw(signal.lines(True).density("full"))
    x_ticks = round_ticks(left, right, max(2, width // 12))
    figure.ruler(0, 0).lim(left, right)
    figure.ruler(0, 0).ticks(x_ticks, tick_labels(x_ticks))
    y_ticks = round_ticks(bottom, top, max(2, height // 3))
    y_labels = tick_labels(y_ticks)
    if log_y:
        powers = power_ticks(bottom, top, max(2, height // 3))
        y_ticks, y_labels = [at for at, _ in powers], [label for _, label in powers]
    figure.ruler(1, 0).lim(bottom, top)
    figure.ruler(1, 0).ticks(y_ticks, y_labels)
    drawn = str(figure.build()).rstrip("\n")
    text = Text.from_ansi(drawn.translate(_ASCII_FRAME) if ascii_only else drawn)
    text.no_wrap = True
    return text


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low == high:
        margin = abs(low) * 0.1 or 1.0
        return low - margin, high + margin
    return low, high
