"""Bars of characters: how far a job is, and how a series went, in one line."""

import math
from collections.abc import Sequence

from rich.text import Text

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = "_.-=+*%#"


def progress_bar(
    fraction: float,
    width: int,
    *,
    filled: str = "",
    rest: str = "dim",
    ascii_only: bool = False,
) -> Text:
    """Return a bar of `width` cells, `fraction` (0…1, clamped; NaN counts as 0) of it filled.

    `filled` and `rest` are the Rich styles of the two parts. A bar that is not empty shows at
    least one filled cell only when half of it is reached, and is full only at the end: a bar
    never says 100 % before the work is done.
    """
    fraction = min(1.0, max(0.0, fraction)) if math.isfinite(fraction) else 0.0
    width = max(0, width)
    done = width if fraction == 1.0 else min(int(fraction * width), max(0, width - 1))
    full, empty = ("#", "-") if ascii_only else ("▓", "░")
    return Text.assemble((full * done, filled), (empty * (width - done), rest))


def sparkline(values: Sequence[float], width: int, *, ascii_only: bool = False) -> str:
    """Return `values` as a line of blocks, the smallest lowest and the largest highest.

    The line has `min(width, len(values))` cells; a cell stands for the mean of its values, and
    for a space where none of them is finite.
    """
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    means = _means(values, min(max(0, width), len(values)))
    finite = [mean for mean in means if mean is not None]
    if not finite:
        return " " * len(means)
    low, high = min(finite), max(finite)
    return "".join(" " if mean is None else blocks[_step(mean, low, high)] for mean in means)


def _means(values: Sequence[float], cells: int) -> list[float | None]:
    means: list[float | None] = []
    for cell in range(cells):
        part = values[cell * len(values) // cells : (cell + 1) * len(values) // cells]
        finite = [float(value) for value in part if math.isfinite(value)]
        # Divided before summing: the sum of two finite numbers may be infinite.
        means.append(sum(value / len(finite) for value in finite) if finite else None)
    return means


def _step(value: float, low: float, high: float) -> int:
    """Return which of the eight blocks stands for `value`; a flat line is the lowest."""
    if high == low:
        return 0
    if math.isinf(high - low):
        value, low, high = value / 2, low / 2, high / 2
    return min(7, int((value - low) / (high - low) * 8))
