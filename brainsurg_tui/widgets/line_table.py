"""A table of up to a million single-line rows, of which only the lines on screen exist."""

from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from brainsurg_tui.widgets.columns import Column, columns_that_fit
from brainsurg_tui.widgets.table_lines import GUTTER, LineStyles, TableLines
from brainsurg_tui.widgets.table_view import TableView

if TYPE_CHECKING:
    from brainsurg_tui.widgets.table_view import Order

Cells = Callable[[int], Sequence[str | Text]]
"""Gives the cells of the row with this id, one for every column, shown or not."""

_HEADER = 1
_PAN = 8
_NOTHING_MATCHES = "No row matches."


class LineTable(ScrollView, can_focus=True, inherit_bindings=False):
    """A table drawn line by line (Textual's Line API): opening it costs nothing per row.

    A row is known by its id, 0 … count - 1. Which rows are shown, and in which sequence, is
    the caller's: `order` gives the row id at every position of the view.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="table.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="table.up"),
        Binding("right,l", "pan(1)", "Text further right", show=False, id="table.right"),
        Binding("left,h", "pan(-1)", "Text further left", show=False, id="table.left"),
        Binding("g,home", "first", "First row", show=False, id="table.first"),
        Binding("G,end", "last", "Last row", show=False, id="table.last"),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False, id="table.half_down"),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False, id="table.half_up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("enter", "open", "Open", show=False, id="table.open"),
        Binding("space", "mark", "Mark", show=False, id="table.mark"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-table--header",
        "line-table--cursor",
        "line-table--bar",
        "line-table--marked",
        "line-table--empty",
    }
    DEFAULT_CSS = """
    LineTable {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;

        & > .line-table--header { color: $text-muted; text-style: bold; }
        & > .line-table--empty { color: $text-muted; }
        & > .line-table--marked { color: $text-warning; }
        & > .line-table--bar { color: $text-muted; }
        & > .line-table--cursor { text-style: bold; }
        &:focus > .line-table--bar { color: $accent; }
        &:focus > .line-table--cursor { background: $block-cursor-blurred-background; }
    }
    """

    sort_key: reactive[str | None] = reactive(None)
    """Key of the column whose title carries the arrow."""
    reverse: reactive[bool] = reactive(False)
    """Whether the arrow says "largest first"."""
    empty_text: reactive[str] = reactive("")
    """What stands in a table that has no rows at all: best the key that fills it."""
    ascii_only: reactive[bool] = reactive(False)
    """Whether the signs drawn around the text are ASCII."""

    class _AboutRow(Message):
        def __init__(self, table: "LineTable", row: int) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> "LineTable":
            """The table, for `@on` to select by."""
            return self.table

    class Highlighted(_AboutRow):
        """The cursor came to a row with another id."""

        def can_replace(self, message: Message) -> bool:
            """Let only the last of several waiting moves be handled."""
            return isinstance(message, LineTable.Highlighted) and message.table is self.table

    class Opened(_AboutRow):
        """Somebody wants to see all of the row."""

    class Marked(_AboutRow):
        """The row went into `marked`, or out of it."""

    def __init__(
        self,
        *columns: Column,
        empty_text: str = "",
        ascii_only: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.set_reactive(LineTable.empty_text, empty_text)
        self.set_reactive(LineTable.ascii_only, ascii_only)
        self.columns = columns
        self.marked: set[int] = set()
        """Ids of the marked rows, shown or not; whoever changes it calls `refresh`."""
        self.markable = True
        """Whether rows can be marked."""
        self._view = TableView()
        self._cells: Cells = lambda row: ()
        self._pan = 0
        self._lines: TableLines

    def set_rows(self, count: int, cells: Cells, order: "Order | None" = None) -> None:
        """Show `count` rows, or those of them that `order` names; the cursor keeps its row id."""
        self._cells = cells
        self._show(count, order)

    @property
    def order(self) -> "Order | None":
        """Row id at every position of the view, [positions]; None shows all rows by their id."""
        return self._view.order

    @order.setter
    def order(self, order: "Order | None") -> None:
        self._show(self._view.count, order)

    def replace_order(self, order: "Order | None") -> None:
        """Show the same rows without some, or with some again: where the row under the cursor is
        gone, the cursor stays at its place."""
        self._show(self._view.count, order, stay=True)

    @property
    def shown(self) -> int:
        """How many rows the view holds."""
        return len(self._view)

    @property
    def row(self) -> int | None:
        """Id of the row under the cursor; None in an empty table."""
        return self._view.row

    def marked_rows(self) -> list[int]:
        """Ids of the marked rows that the view shows, ascending."""
        order, marked = self._view.order, sorted(self.marked)
        if order is None or not marked:
            return marked
        import numpy as np

        return [row for row, shown in zip(marked, np.isin(marked, order), strict=True) if shown]

    def clear_marks(self) -> bool:
        """Unmark every row, shown or not; False where none was marked."""
        if not self.marked:
            return False
        self.marked.clear()
        self.refresh()
        return True

    def select(self, row: int) -> bool:
        """Put the cursor on the row with this id; return False where the view lacks it."""
        position = self._view.position_of(row)
        if position is not None:
            self._go_to(position)
        return position is not None

    def refresh_row(self, row: int) -> None:
        """Draw the row with this id again, as when its cells changed."""
        position = self._view.position_of(row)
        if position is not None:
            self.refresh_line(position + _HEADER)

    def column_width(self, key: str) -> int:
        """Return how many cells the column has at the present size; 0 where it has no room."""
        fitted = columns_that_fit(self.columns, self._width - GUTTER - self._margin)
        return next((width for index, width in fitted if self.columns[index].key == key), 0)

    def action_move(self, rows: int) -> None:
        """Move the cursor by so many rows."""
        self._go_to(self._view.position + rows)

    def go_to_next(self, wanted: Callable[[int], bool]) -> bool:
        """Go to the next row whose id is wanted, from the last one on to the first; False where
        there is none."""
        for step in range(1, self.shown + 1):
            position = (self._view.position + step) % self.shown
            if wanted(self._view.row_at(position)):
                self._go_to(position)
                return True
        return False

    def action_page(self, pages: float) -> None:
        """Move the cursor by pages, or by a part of one."""
        rows = max(1, int(self._page * abs(pages)))
        self._go_to(self._view.position + (rows if pages > 0 else -rows))

    def action_first(self) -> None:
        """Go to the first row of the view."""
        self._go_to(0)

    def action_last(self) -> None:
        """Go to the last row of the view."""
        self._go_to(self.shown - 1)

    def action_pan(self, direction: int) -> None:
        """Show what is clipped on the right of the columns with a fraction, or go back."""
        top, lines = self.scroll_offset.y, self._new_lines()
        on_screen = range(top, min(top + self._page, self.shown))
        if direction < 0 or any(
            lines.reaches_beyond(self._cells(self._view.row_at(position))) for position in on_screen
        ):
            self._pan = max(0, self._pan + direction * _PAN)
            self.refresh()

    def action_open(self) -> None:
        """Ask for all of the row under the cursor."""
        if self.row is not None:
            self.post_message(self.Opened(self, self.row))

    def action_mark(self) -> None:
        """Mark the row under the cursor, or unmark it."""
        if self.row is not None and self.markable:
            self.marked ^= {self.row}
            self.refresh_line(self._view.position + _HEADER)
            self.post_message(self.Marked(self, self.row))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a second click opens the row."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y < _HEADER:
            return
        position = self.scroll_offset.y + offset.y - _HEADER
        if position < self.shown:
            self._go_to(position)
            if event.chain == 2:
                self.action_open()

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._scroll_to_cursor()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the lines of the window within `crop`, with styles looked up once for all."""
        self._lines = self._new_lines()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw line `y` of the window: the header, a row, the empty text or nothing."""
        position = self.scroll_offset.y + y - _HEADER
        if y < _HEADER:
            return self._lines.header(self.sort_key, self.reverse)
        if position < self.shown:
            row = self._view.row_at(position)
            return self._lines.row(
                self._cells(row),
                is_cursor=position == self._view.position,
                is_marked=row in self.marked,
            )
        if self.shown:
            return self._lines.note("")
        text = _NOTHING_MATCHES if self._view.count else self.empty_text
        lines = wrap(text, max(1, self._width - GUTTER))
        return self._lines.note(lines[y - _HEADER] if y - _HEADER < len(lines) else "")

    def _show(self, count: int, order: "Order | None", *, stay: bool = False) -> None:
        is_other = self._view.show(count, order, stay=stay)
        self.virtual_size = Size(0, self.shown + _HEADER)
        self.refresh()
        self._scroll_to_cursor()
        self._tell(is_other)

    def _go_to(self, position: int) -> None:
        before = self._view.position
        is_other = self._view.go_to(position)
        if not self._scroll_to_cursor():
            self.refresh_line(before + _HEADER)
            self.refresh_line(self._view.position + _HEADER)
        self._tell(is_other)

    def _tell(self, is_other: bool) -> None:
        if is_other and self.row is not None:
            self.post_message(self.Highlighted(self, self.row))

    def _scroll_to_cursor(self) -> bool:
        """Scroll as little as brings the cursor in sight, and return whether that was needed."""
        top, position = self.scroll_offset.y, self._view.position
        target = max(min(top, position), position - self._page + 1)
        if target != top:
            self.scroll_to(y=target, animate=False, force=True)
        return target != top

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _margin(self) -> int:
        """Cells left free on the right: figures don't lean on the scrollbar."""
        return 1 if self.show_vertical_scrollbar else 0

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height - _HEADER)

    def _new_lines(self) -> TableLines:
        def style(part: str) -> Style:
            return self.get_component_rich_style(f"line-table--{part}")

        styles = LineStyles(
            plain=self.rich_style,
            header=style("header"),
            cursor=style("cursor"),
            # The colour alone: these signs stand on the row's own background.
            bar=Style(color=style("bar").color),
            marked=Style(color=style("marked").color),
            note=style("empty"),
        )
        return TableLines(
            self.columns,
            self._width,
            styles,
            self.app.console,
            pan=self._pan,
            margin=self._margin,
            ascii_only=self.ascii_only,
        )
