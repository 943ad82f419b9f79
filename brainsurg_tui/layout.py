"""Where each pane stands on a terminal of a given size: arithmetic, without a widget in sight.

Small terminals show one pane at a time, middling ones two columns, wide ones three. Within a
column panes share the height by weight; columns share the width the same way.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from textual.geometry import Region

PANES = ("prompts", "features", "snippets", "clamp", "loss", "jobs")
"""The panes in the order of their numbers, 1 to 6."""

SHEETS = ("detail", "findings")
"""What has all the room for itself while it is open, over the panes."""

SMALLEST = (60, 16)
"""Below this width or height nothing useful fits."""

Mode = Literal["one", "two", "three"]

WEIGHTS: dict[str, float] = {
    "prompts": 2,
    "features": 4,
    "snippets": 3,
    "clamp": 5,
    "loss": 3,
    "jobs": 3,
    "two.left": 4.12,
    "two.right": 5.88,
    "three.left": 4,
    "three.middle": 6,
    "three.right": 5,
}
"""Shares of a column's height (panes) and of the screen's width (columns of a mode)."""

_TWO_FROM = (100, 28)
_THREE_FROM = (160, 36)
_STEP = 1.2


def too_small(width: int, height: int) -> bool:
    """Whether a terminal of this size holds only a card that says so."""
    return width < SMALLEST[0] or height < SMALLEST[1]


def mode_of(width: int, height: int) -> Mode:
    """How many columns the room for panes, `width` by `height` cells, has."""
    if width >= _THREE_FROM[0] and height >= _THREE_FROM[1]:
        return "three"
    if width >= _TWO_FROM[0] and height >= _TWO_FROM[1]:
        return "two"
    return "one"


def columns(mode: Mode, lower: str) -> dict[str, tuple[str, ...]]:
    """Column name to its panes. In two columns `lower` (loss or jobs) has the last place."""
    match mode:
        case "one":
            return {}
        case "two":
            return {
                "two.left": ("prompts", "features"),
                "two.right": ("snippets", "clamp", lower),
            }
        case "three":
            return {
                "three.left": ("prompts", "features"),
                "three.middle": ("snippets", "clamp"),
                "three.right": ("loss", "jobs"),
            }


def arrange(
    width: int,
    height: int,
    *,
    active: str,
    lower: str = "loss",
    zoomed: bool = False,
    weights: Mapping[str, float] = WEIGHTS,
) -> dict[str, Region]:
    """Pane name to its place in cells, for all panes that are to be seen; columns stand one cell
    apart."""
    mode = mode_of(width, height)
    if zoomed or mode == "one" or active in SHEETS:
        return {active: Region(0, 0, width, height)}
    plan = columns(mode, lower)
    places: dict[str, Region] = {}
    x = 0
    room = width - (len(plan) - 1)
    for column_width, panes in zip(_divide(room, list(plan), weights), plan.values(), strict=True):
        y = 0
        for pane, share in zip(panes, _divide(height, panes, weights), strict=True):
            places[pane] = Region(x, y, column_width, share)
            y += share
        x += column_width + 1
    return places


def _divide(whole: int, names: Sequence[str], weights: Mapping[str, float]) -> list[int]:
    """`whole` cells divided among `names` by weight, without a remainder."""
    total = sum(weights.get(name, WEIGHTS[name]) for name in names)
    edges = [0]
    running = 0.0
    for name in names:
        running += weights.get(name, WEIGHTS[name])
        edges.append(round(whole * running / total))
    return [after - before for before, after in pairwise(edges)]


def resize(
    weights: Mapping[str, float], mode: Mode, pane: str, lower: str, *, wider: int, taller: int
) -> dict[str, float]:
    """`weights` after making the column of `pane` wider, and the pane taller, by some steps."""
    changed = {**WEIGHTS, **weights}
    for column, panes in columns(mode, lower).items():
        if pane in panes:
            changed[column] = _scale(changed[column], wider)
            changed[pane] = _scale(changed[pane], taller)
    return changed


def _scale(weight: float, steps: int) -> float:
    return min(20.0, max(1.0, weight * _STEP**steps))
