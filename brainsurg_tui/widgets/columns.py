"""The columns of a table, and how many of them there is room for."""

from collections.abc import Sequence
from dataclasses import dataclass

from brainsurg_tui.widgets.cells import Align

GAP = 2
"""Cells between two columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `width` cells wide, or a `fraction` of what the others leave."""

    key: str
    title: str
    width: int = 8
    """Cells; for a column with a fraction: the least it can do with."""
    fraction: int = 0
    """Its share of the cells left over, by proportion; 0: exactly `width` cells."""
    align: Align = "left"
    priority: int = 0
    """Where there is no room, the column with the lowest priority goes first."""


def columns_that_fit(columns: Sequence[Column], width: int) -> list[tuple[int, int]]:
    """Return (index, cells) of the columns shown in `width` cells, in their order.

    Columns leave by priority, of equals the rightmost, until the rest fits; the last one stays
    however narrow it gets. Cells left over go to the columns with a fraction.
    """
    shown = sorted(range(len(columns)), key=lambda index: (-columns[index].priority, index))
    while len(shown) > 1 and _width_of(columns, shown) > width:
        shown.pop()
    shown.sort()
    if len(shown) == 1 and _width_of(columns, shown) > width:
        return [(shown[0], max(0, width))]
    spare = width - _width_of(columns, shown)
    parts = sum(columns[index].fraction for index in shown)
    fitted = []
    for index in shown:
        fraction = columns[index].fraction
        share = spare * fraction // parts if fraction else 0
        spare, parts = spare - share, parts - fraction
        fitted.append((index, columns[index].width + share))
    return fitted


def _width_of(columns: Sequence[Column], shown: Sequence[int]) -> int:
    return sum(columns[index].width for index in shown) + GAP * (len(shown) - 1)
