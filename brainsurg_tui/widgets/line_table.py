"""A table of up to a million single-line rows, of which only the lines on screen exist."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from brainsurg_tui.widgets.cells import Align, clip, fit
from brainsurg_tui.widgets.columns import GAP, Column, columns_that_fit
from brainsurg_tui.widgets.visible import visible

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Cells = Callable[[int], Sequence[str | Text]]
"""Gives the cells of the row with this id, one for every column, shown or not."""

_HEADER = 1
_GUTTER = 2
_PAN = 8


@dataclass(frozen=True)
class _Signs:
    cursor: str
    marked: str
    rising: str
    falling: str
    ellipsis: str


_UNICODE = _Signs(cursor="▌", marked="•", rising="▲", falling="▼", ellipsis="…")
_ASCII = _Signs(cursor=">", marked="*", rising="^", falling="v", ellipsis="~")


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
        & > .line-table--marked { color: $text-warning; }
        & > .line-table--bar { color: $foreground 50%; }
        & > .line-table--empty { color: $text-muted; }
        & > .line-table--cursor { text-style: bold; }
        &:focus > .line-table--cursor { background: $block-cursor-blurred-background; }
        &:focus > .line-table--bar { color: $accent; }
    }
    """

    sort_key: reactive[str | None] = reactive(None)
    """Key of the column whose header shows the arrow."""
    reverse: reactive[bool] = reactive(False)
    """Whether the arrow says "largest first"."""
    empty_text: reactive[str] = reactive("")
    """What stands in a table without rows: best the key that fills it."""
    ascii_only: reactive[bool] = reactive(False)

    class _RowMessage(Message):
        def __init__(self, table: "LineTable", row: int) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> "LineTable":
            """The table, so that `@on` can select by it."""
            return self.table

    class Highlighted(_RowMessage):
        """The cursor came to another row."""

        def can_replace(self, message: Message) -> bool:
            """Let only the last of several waiting moves be handled."""
            return isinstance(message, LineTable.Highlighted) and message.table is self.table

    class Opened(_RowMessage):
        """Somebody wants to see all of the row."""

    class Marked(_RowMessage):
        """The row went into `marked`, or out of it."""

    def __init__(
        self,
        *columns: Column,
        empty_text: str = "",
        ascii_only: bool = False,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.columns = columns
        self.marked: set[int] = set()
        """Ids of the marked rows; call `refresh()` after changing it from outside."""
        self._count = 0
        self._cells: Cells = lambda row: ()
        self._order: NDArray[np.integer] | None = None
        self._position = 0
        self._row: int | None = None
        self._pan = 0
        self.set_reactive(LineTable.empty_text, empty_text)
        self.set_reactive(LineTable.ascii_only, ascii_only)

    # What is shown

    def set_rows(
        self, count: int, cells: Cells, order: "NDArray[np.integer] | None" = None
    ) -> None:
        """Show `count` rows, or those of them that `order` names; the cursor keeps its row id."""
        self._count = count
        self._cells = cells
        self.order = order

    @property
    def order(self) -> "NDArray[np.integer] | None":
        """Row id at every position of the view; None shows all rows by their id."""
        return self._order

    @order.setter
    def order(self, order: "NDArray[np.integer] | None") -> None:
        self._order = order
        self.virtual_size = Size(0, len(self) + _HEADER)
        self.refresh()
        self._go_to(self._find(self._row) or 0)

    def __len__(self) -> int:
        """Return how many rows the view holds."""
        return self._count if self._order is None else len(self._order)

    def __bool__(self) -> bool:
        """Be true even when empty, as every widget is."""
        return True

    def row_at(self, position: int) -> int:
        """Return the id of the row at a position of the view."""
        return position if self._order is None else int(self._order[position])

    # The cursor

    @property
    def row(self) -> int | None:
        """Id of the row under the cursor; None in an empty table."""
        return self._row

    @property
    def position(self) -> int:
        """Position of the cursor in the view."""
        return self._position

    def select(self, row: int) -> bool:
        """Put the cursor on the row with this id; return False where the view lacks it."""
        position = self._find(row)
        if position is None:
            return False
        self._go_to(position)
        return True

    def _find(self, row: int | None) -> int | None:
        if row is None:
            return None
        if self._order is None:
            return row if 0 <= row < self._count else None
        places = (self._order == row).nonzero()[0]
        return int(places[0]) if len(places) else None

    def _go_to(self, position: int) -> None:
        position = max(0, min(position, len(self) - 1))
        row = self.row_at(position) if len(self) else None
        before, self._position = self._position, position
        changed, self._row = row != self._row, row
        if not self._scroll_to_cursor():
            self.refresh_line(before + _HEADER)
            self.refresh_line(position + _HEADER)
        if changed and row is not None:
            self.post_message(self.Highlighted(self, row))

    def _scroll_to_cursor(self) -> bool:
        """Scroll as little as shows the cursor, and return whether that moved anything."""
        top = self.scroll_offset.y
        target = max(min(top, self._position), self._position - self._page + 1)
        if target == top:
            return False
        self.scroll_to(y=target, animate=False, force=True)
        return True

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height - _HEADER)

    def action_move(self, rows: int) -> None:
        """Move the cursor by so many rows."""
        self._go_to(self._position + rows)

    def action_page(self, pages: float) -> None:
        """Move the cursor by pages or parts of one."""
        rows = max(1, int(self._page * abs(pages)))
        self._go_to(self._position + (rows if pages > 0 else -rows))

    def action_first(self) -> None:
        """Go to the first row of the view."""
        self._go_to(0)

    def action_last(self) -> None:
        """Go to the last row of the view."""
        self._go_to(len(self) - 1)

    def action_pan(self, direction: int) -> None:
        """Move the text of the columns that share the width, so that clipped text can be read."""
        self._pan = max(0, self._pan + direction * _PAN)
        self.refresh()

    def action_open(self) -> None:
        """Ask for all of the row under the cursor."""
        if self._row is not None:
            self.post_message(self.Opened(self, self._row))

    def action_mark(self) -> None:
        """Mark the row under the cursor, or unmark it."""
        if self._row is None:
            return
        self.marked ^= {self._row}
        self.refresh_line(self._position + _HEADER)
        self.post_message(self.Marked(self, self._row))

    async def _on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y < _HEADER:
            return
        position = self.scroll_offset.y + offset.y - _HEADER
        if position < len(self):
            self._go_to(position)
            if event.chain > 1:
                self.action_open()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw line `y` of the window: the header, a row, the empty text or nothing."""
        width = self.scrollable_content_region.width
        position = self.scroll_offset.y + y - _HEADER
        if y < _HEADER:
            strip = self._header(width)
        elif position < len(self):
            strip = self._line(position, width)
        elif not len(self) and y == _HEADER:
            text = " " * _GUTTER + visible(self.empty_text, ascii_only=self.ascii_only)
            strip = Strip([Segment(clip(text, width), self._style("empty"))])
        else:
            strip = Strip([])
        return strip.adjust_cell_length(width, self.rich_style)

    def _header(self, width: int) -> Strip:
        signs = self._signs
        style = self._style("header")
        segments = [Segment(" " * _GUTTER, style)]
        for index, cells in columns_that_fit(self.columns, width - _GUTTER):
            column = self.columns[index]
            arrow = ""
            if column.key == self.sort_key:
                arrow = f" {signs.falling if self.reverse else signs.rising}"
            title = clip(column.title, cells - len(arrow), ellipsis=signs.ellipsis) + arrow
            segments += [Segment(fit(title, cells, column.align) + " " * GAP, style)]
        return Strip(segments)

    def _line(self, position: int, width: int) -> Strip:
        row = self.row_at(position)
        signs = self._signs
        is_cursor, is_marked = position == self._position, row in self.marked
        base = self._style("cursor") if is_cursor else self.rich_style
        bar = self._style("bar") if is_cursor else base
        mark = base + self.get_component_rich_style("line-table--marked", partial=True)
        segments = [
            Segment(signs.cursor if is_cursor else " ", bar + Style(bgcolor=base.bgcolor)),
            Segment(signs.marked if is_marked else " ", mark),
        ]
        values = self._cells(row)
        for index, cells in columns_that_fit(self.columns, width - _GUTTER):
            column = self.columns[index]
            pan = self._pan if column.fraction else 0
            segments += self._cell(values[index], cells, column.align, pan, base)
            segments.append(Segment(" " * GAP, base))
        return Strip(segments)

    def _cell(
        self, value: str | Text, cells: int, align: Align, pan: int, base: Style
    ) -> list[Segment]:
        ellipsis = self._signs.ellipsis
        plain = visible(
            value if isinstance(value, str) else value.plain, ascii_only=self.ascii_only
        )
        if isinstance(value, str) or plain != value.plain:
            return [Segment(fit(plain[pan:], cells, align, ellipsis=ellipsis), base)]
        text = value[pan:] if pan and pan < len(value) else value
        space = cells - cell_len(text.plain)
        if space < 0:
            keep = len(clip(text.plain, cells, ellipsis=ellipsis)) - len(ellipsis)
            text = text[: max(0, keep)] + Text(ellipsis)
            space = cells - cell_len(text.plain)
        padding = Segment(" " * max(0, space), base)
        drawn = list(Segment.apply_style(text.render(self.app.console, end=""), base))
        return [padding, *drawn] if align == "right" else [*drawn, padding]

    @property
    def _signs(self) -> _Signs:
        return _ASCII if self.ascii_only else _UNICODE

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"line-table--{part}")
