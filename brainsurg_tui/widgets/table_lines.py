"""Drawing the lines of a table: its header and its rows, cut to the columns there is room for."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from brainsurg_tui.widgets.cells import clip, fit
from brainsurg_tui.widgets.columns import GAP, Column, columns_that_fit
from brainsurg_tui.widgets.visible import visible

GUTTER = 2
"""Cells before the first column: one for the cursor, one for the mark."""


@dataclass(frozen=True, slots=True)
class Signs:
    """The characters a table draws by itself."""

    cursor: str = "▌"
    marked: str = "•"
    rising: str = "▲"
    falling: str = "▼"
    ellipsis: str = "…"


UNICODE_SIGNS = Signs()
ASCII_SIGNS = Signs(cursor=">", marked="*", rising="^", falling="v", ellipsis="~")


@dataclass(frozen=True, slots=True)
class LineStyles:
    """The Rich styles of what a line is made of."""

    plain: Style
    header: Style
    cursor: Style
    """Behind the row under the cursor."""
    bar: Style
    """The sign before the row under the cursor."""
    marked: Style
    """The sign before a marked row."""
    note: Style
    """What is said in place of a row."""


class TableLines:
    """Draws lines of a table for one width."""

    def __init__(
        self,
        columns: Sequence[Column],
        width: int,
        styles: LineStyles,
        console: Console,
        *,
        pan: int = 0,
        margin: int = 0,
        ascii_only: bool = False,
    ) -> None:
        """Fit the columns into `width` cells, of which `margin` on the right stay free.

        `pan` leaves out so many characters of plain cells in the columns with a fraction, so
        that the rest of a long text can be read; a styled cell is cut by who made it.
        """
        self._columns = columns
        self._width = width
        self._fitted = columns_that_fit(columns, width - GUTTER - margin)
        self._styles = styles
        self._console = console
        self._pan = pan
        self._ascii_only = ascii_only
        self._signs = ASCII_SIGNS if ascii_only else UNICODE_SIGNS

    def header(self, sort_key: str | None, reverse: bool) -> Strip:
        """Return the titles, with an arrow at the column of `sort_key`; down: largest first."""
        style = self._styles.header
        segments = [Segment(" " * GUTTER, style)]
        for index, width in self._fitted:
            column = self._columns[index]
            arrow = ""
            if column.key == sort_key:
                arrow = " " + (self._signs.falling if reverse else self._signs.rising)
            title = clip(column.title, width - len(arrow), ellipsis=self._signs.ellipsis) + arrow
            segments.append(Segment(fit(title, width, column.align) + " " * GAP, style))
        return self._fill(segments)

    def row(self, cells: Sequence[str | Text], *, is_cursor: bool, is_marked: bool) -> Strip:
        """Return the line of a row, given one cell for every column, shown or not."""
        base = self._styles.cursor if is_cursor else self._styles.plain
        segments = [
            Segment(self._signs.cursor if is_cursor else " ", base + self._styles.bar),
            Segment(self._signs.marked if is_marked else " ", base + self._styles.marked),
        ]
        for index, width in self._fitted:
            column = self._columns[index]
            segments += self._cell(cells[index], column, width, base)
            segments.append(Segment(" " * GAP, base))
        return self._fill(segments)

    def note(self, text: str) -> Strip:
        """Return a line that says something in place of a row."""
        shown = " " * GUTTER + visible(text, ascii_only=self._ascii_only)
        shown = clip(shown, self._width, ellipsis=self._signs.ellipsis)
        return self._fill([Segment(shown, self._styles.note)])

    def reaches_beyond(self, cells: Sequence[str | Text]) -> bool:
        """Return whether panning further would show more of this row."""
        return any(
            cell_len(cell) > self._pan + width
            for index, width in self._fitted
            if self._columns[index].fraction and isinstance(cell := cells[index], str)
        )

    def _cell(self, cell: str | Text, column: Column, width: int, base: Style) -> list[Segment]:
        plain = visible(str(cell), ascii_only=self._ascii_only)
        ellipsis = self._signs.ellipsis
        if isinstance(cell, str) and column.fraction and self._pan:
            plain = ellipsis + plain[self._pan + 1 :] if len(plain) > self._pan else ""
        # Spans count characters: they hold only where none had to be written out.
        if isinstance(cell, str) or plain != cell.plain:
            return [Segment(fit(plain, width, column.align, ellipsis=ellipsis), base)]
        text = cell.copy()
        text.plain = clip(plain, width, ellipsis=ellipsis)
        padding = Segment(" " * (width - cell_len(text.plain)), base)
        style = base + self._console.get_style(text.style)  # `render` yields the spans' alone
        drawn = list(Segment.apply_style(text.render(self._console), style))
        return [padding, *drawn] if column.align == "right" else [*drawn, padding]

    def _fill(self, segments: list[Segment]) -> Strip:
        # Neighbours of one style are joined: a terminal is told every segment's style anew.
        strip = Strip(Segment.simplify(segments))
        return strip.adjust_cell_length(self._width, self._styles.plain)
