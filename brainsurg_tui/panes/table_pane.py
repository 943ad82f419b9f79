"""A pane that is mostly a table with a filter over it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.message import Message
from textual.widget import Widget

from brainsurg_tui.panes.pane import Pane
from brainsurg_tui.settings import Sorting
from brainsurg_tui.state.state import State
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.filter_input import FilterInput, matcher
from brainsurg_tui.widgets.line_table import Cells, LineTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TablePane(Pane):
    """The filter, its count in the title, n and N, and what is remembered of a table."""

    columns: ClassVar[tuple[Column, ...]]
    markable: ClassVar[bool] = True
    """Whether something can be done with several rows at once."""

    @dataclass
    class FilterDropped(Message):
        """The filter of the last time is not applied, for it would leave no row."""

        pattern: str

    def __init__(self, name: str, state: State, *, ascii_only: bool = False) -> None:
        super().__init__(name, state, ascii_only=ascii_only)
        self.table = self.make_table()
        self.table.markable = self.markable
        self.filter_line = self.make_filter()
        self.pattern = ""
        self._remembered = ""
        """The filter of the last time, while no rows have come that it is for."""
        self._total = 0

    def make_table(self) -> LineTable:
        """The table, without rows."""
        return LineTable(*self.columns, ascii_only=self.ascii_only)

    def make_filter(self) -> FilterInput:
        """The line to type a filter into."""
        return FilterInput()

    def body(self) -> Iterable[Widget]:
        """The filter line, hidden at first, and the table."""
        yield self.filter_line
        yield self.table

    @property
    def target(self) -> Widget:
        """The table takes the focus."""
        return self.table

    # Rows

    def set_rows(self, count: int, cells: Cells) -> None:
        """Show `count` rows through the filter."""
        self._total = count
        self.table.set_rows(count, cells, self.row_order(count))
        self.show_count()

    def row_text(self, row: int) -> str:
        """What the filter looks at and the copy key takes."""
        raise NotImplementedError

    def row_order(self, count: int) -> "NDArray[np.integer] | None":
        """Ids of the rows that the filter lets through, in the order of showing; None: all."""
        if not self.pattern:
            return None
        import numpy as np

        matches = matcher(self.pattern)
        return np.array([row for row in range(count) if matches(self.row_text(row))], dtype=int)

    def shown_rows(self) -> Sequence[int]:
        """Ids of the rows that are shown, in their order."""
        order = self.table.order
        return range(self._total) if order is None else order.tolist()

    def show_count(self) -> None:
        """Say how many rows the filter lets through."""
        if self.filter_line.display:
            self.filter_line.set_count(self.table.shown, self._total)
        self.title_line.info = " · ".join(filter(None, (self._marks_info(), self.title_info())))

    def _marks_info(self) -> str:
        """How many rows are marked, and how many of them the filter hides, which nothing is done
        with."""
        marked = len(self.table.marked)
        hidden = marked - len(self.table.marked_rows())
        if not marked:
            return ""
        return f"{marked:,} marked, {hidden:,} hidden" if hidden else f"{marked:,} marked"

    def title_info(self) -> str:
        """What stands at the right end of the title: how many rows there are, and the filter."""
        if not self.pattern or self.filter_line.display:
            return f"{self._total:,}" if self._total else ""
        return f"/{self.pattern}  {self.table.shown:,} of {self._total:,}"

    # Marks

    @on(LineTable.Marked)
    def _show_marks(self, event: LineTable.Marked) -> None:
        if event.table is self.table:
            self.show_count()

    def clear_marks(self) -> None:
        """Unmark every row."""
        if self.table.clear_marks():
            self.show_count()

    # The filter

    @on(FilterInput.Changed)
    def _filter(self, event: FilterInput.Changed) -> None:
        event.stop()
        self.set_pattern(event.pattern)

    @on(FilterInput.Closed)
    def _leave_filter(self, event: FilterInput.Closed) -> None:
        event.stop()
        self.set_pattern(self.filter_line.pattern if event.kept else "")
        self.table.focus()

    def set_pattern(self, pattern: str) -> None:
        """Filter by `pattern`."""
        self.pattern = pattern
        self.table.order = self.row_order(self._total)
        self.show_count()

    def open_filter(self) -> None:
        """Let the user go on typing the filter."""
        self.filter_line.open(self.pattern)
        self.show_count()

    def clear_filter(self) -> bool:
        """Show everything again; False if everything was shown."""
        if not self.pattern:
            return False
        self.set_pattern("")
        return True

    def step(self, rows: int) -> None:
        """Go to the next or previous row of those that match, from the last to the first."""
        before = self.table.row
        self.table.action_move(rows)
        if self.table.row == before:
            (self.table.action_first if rows > 0 else self.table.action_last)()

    def text_to_copy(self) -> str:
        """The row under the cursor."""
        return "" if self.table.row is None else self.row_text(self.table.row)

    # What is remembered

    @property
    def sorting(self) -> Sorting:
        """Order and filter, to be remembered."""
        return Sorting(self.table.sort_key or "", self.table.reverse, self.pattern)

    def restore(self, sorting: Sorting) -> None:
        """Order and filter as they were."""
        self.pattern = self._remembered = sorting.filter

    def check_remembered_filter(self) -> None:
        """Show all rows where the filter of the last time leaves none of those that came first,
        and have the user told."""
        if not (self._remembered and self._total):
            return
        remembered, self._remembered = self._remembered, ""
        if remembered == self.pattern and not self.table.shown:
            self.set_pattern("")
            self.post_message(self.FilterDropped(remembered))
