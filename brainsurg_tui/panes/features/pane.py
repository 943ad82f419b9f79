"""Pane 2: every feature of the SAE, a line each."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from brainsurg_tui.actions import next_steps
from brainsurg_tui.actions.registry import bindings
from brainsurg_tui.exports import Export, table_files
from brainsurg_tui.panes.feature_rows import FeatureRows
from brainsurg_tui.panes.features.columns import (
    FeatureColumns,
    columns_before_any_table,
    largest_first,
)
from brainsurg_tui.panes.table_pane import TablePane
from brainsurg_tui.settings import Sorting
from brainsurg_tui.state.parts import StatePart
from brainsurg_tui.state.state import State
from brainsurg_tui.widgets.filter_input import FilterInput
from brainsurg_tui.widgets.line_table import LineTable
from brainsurg_tui.widgets.text_block import TextBlock
from brainsurg_tui.widgets.visible import visible
from engine.service.protocol import FeatureTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FIRST = 99
"""Priority of a column before all others."""
_ARROW = 2
"""Cells that the title of a column takes more, where the rows are sorted by it."""


class FeaturesPane(TablePane):
    """The feature catalogue: sort it, filter it, name what is in it."""

    heading = "Features"
    BINDINGS: ClassVar[list[BindingType]] = bindings("features", "feature")
    shows: ClassVar[frozenset[StatePart]] = frozenset(
        {"connection", "contents", "sae", "table", "notes", "filter", "feature"}
    )
    columns = columns_before_any_table()

    @dataclass
    class Chosen(Message):
        """The cursor came to a feature."""

        feature: int

        def can_replace(self, message: Message) -> bool:
            """Only the last of several waiting moves counts."""
            return isinstance(message, FeaturesPane.Chosen)

    class Opened(Message):
        """The user wants to see all of the feature."""

    @dataclass
    class Filter(Message):
        """The user wants to see only what this lets through."""

        text: str

        def can_replace(self, message: Message) -> bool:
            """Only the last of several waiting filters counts."""
            return isinstance(message, FeaturesPane.Filter)

    def __init__(self, name: str, state: State, *, ascii_only: bool = False) -> None:
        super().__init__(name, state, ascii_only=ascii_only)
        self._shown: FeatureTable | None = None
        self._data: FeatureColumns | None = None
        self._feature_filter = self.state.feature_filter
        self._filtered_notes: object = None
        """The notes that the filter last looked through."""
        self.fault = TextBlock("filter-fault")
        self.table.sort_key, self.table.reverse = "max", True

    def make_table(self) -> LineTable:
        """The table, with `l` free."""
        return FeatureRows(*self.columns, ascii_only=self.ascii_only)

    def make_filter(self) -> FilterInput:
        """A filter in the engine's language, which says itself what can't be read."""
        return FilterInput(regex=False, example="max > 5 and label ~ city")

    def body(self) -> Iterable[Widget]:
        """The filter, what is wrong with it, and the table."""
        yield self.filter_line
        self.fault.display = False
        yield self.fault
        yield self.table

    def show(self) -> None:
        """Show the feature table; its columns are decoded when they are others."""
        state = self.state
        before, self._feature_filter = self._feature_filter, state.feature_filter
        table = state.table
        self.table.empty_text = next_steps.for_features(state)
        shown, self._shown = self._shown, table
        if _sae(table) != _sae(shown):
            self.table.marked.clear()
            self._decode(None)  # the cursor begins anew, and says which feature it came to
            self._decode(table)
        elif _columns(table) != _columns(shown):
            self._decode(table)
        elif before.text != state.feature_filter.text:  # marks stay
            self.resort()
        elif table is not shown or before is not state.feature_filter:  # the cursor, too
            self.table.replace_order(self.row_order(self._total))
        if table is not None and before is not state.feature_filter:
            self._filtered_notes = table.notes
        self.check_remembered_filter()
        self.show_count()
        self.fault.display = bool(state.feature_filter.fault)
        self.fault.show(visible(state.feature_filter.fault, ascii_only=self.ascii_only))
        if state.feature is not None and state.feature != self.table.row:
            self.table.select(state.feature)
        self._filter_again()

    def _decode(self, table: FeatureTable | None) -> None:
        if table is None:
            self._data = None
            self.set_rows(0, lambda row: ())
            return
        data = self._data = FeatureColumns(table)
        if self.table.sort_key not in self._keys():
            self.table.sort_key, self.table.reverse = "max", True
        self._choose_columns()
        self.set_rows(table.features, lambda row: data.cells(row, self.state.note(row)))

    # Order and filter

    def row_order(self, count: int) -> "NDArray[np.integer] | None":
        """The features that the filter lets through, sorted."""
        if self._data is None or self.state.table is None:
            return None
        key, reverse = self.table.sort_key or "id", self.table.reverse
        order = self._data.order(key, self.state.table.notes, reverse=reverse)
        mask = self.state.feature_filter.mask(count)
        return order if mask is None else order[mask[order]]

    def resort(self) -> None:
        """Bring the rows into the order that is asked for."""
        self.table.order = self.row_order(self._total)
        self.show_count()

    def set_pattern(self, pattern: str) -> None:
        """Have the engine asked what `pattern` lets through."""
        self.pattern = pattern
        self.post_message(self.Filter(pattern))

    def reopen_filter(self) -> None:
        """Let the user go on with what was typed last, which can't be read."""
        self.filter_line.open(self.pattern, mend=True)
        self.show_count()

    def use_filter(self, pattern: str) -> None:
        """Show `pattern` as the filter that holds, for what was typed last can't be read."""
        self.pattern = pattern
        self.show_count()

    @property
    def filtering(self) -> bool:
        """Whether a filter is being typed."""
        return self.filter_line.display

    def title_info(self) -> str:
        """How far the scan is, the count, and the order; the filter stands on the left."""
        if not self._total:
            return ""
        some = f"{self.table.shown:,} of " if self.pattern else ""
        arrow = "▲▼"[self.table.reverse]
        return f"{self._scan_progress()}{some}{self._total:,} · {self.table.sort_key} {arrow}"

    def show_count(self) -> None:
        """Say how many features the filter lets through, and which filter that is."""
        super().show_count()
        pattern = f" /{self.pattern}" if self.pattern and not self.filtering else ""
        self.title_line.subject = f"{self.state.sae or ''}{pattern}"

    def _scan_progress(self) -> str:
        table = self.state.table
        if table is None or table.total_tokens <= table.tokens:
            return ""
        return f"{100 * table.tokens // table.total_tokens} % scanned · "

    def restore(self, sorting: Sorting) -> None:
        """Order and filter as they were."""
        super().restore(sorting)
        if sorting.column:
            self.table.sort_key, self.table.reverse = sorting.column, sorting.reverse

    def sort(self, step: int) -> None:
        """Sort by the next column (1) or the one before (-1)."""
        keys = self._keys()
        place = keys.index(self.table.sort_key or "id")
        self.table.sort_key = key = keys[(place + step) % len(keys)]
        self.table.reverse = largest_first(key)
        self._choose_columns()
        self.resort()

    def _choose_columns(self) -> None:
        """Show the column that is sorted by, however narrow the pane is."""
        if self._data is not None:
            first = self.table.sort_key
            self.table.columns = tuple(
                replace(
                    column, priority=_FIRST, width=max(column.width, len(column.title) + _ARROW)
                )
                if column.key == first
                else column
                for column in self._data.columns
            )

    def _keys(self) -> list[str]:
        columns = self.columns if self._data is None else self._data.columns
        return [column.key for column in columns]

    def reverse_order(self) -> None:
        """Turn the order around."""
        self.table.reverse = not self.table.reverse
        self.resort()

    def on_descendant_focus(self) -> None:
        """Filter again, where something was written down while another pane had the focus."""
        self._filter_again()

    def _filter_again(self) -> None:
        """Have the filter look through what was written down since; not while the focus is
        elsewhere, on a feature that might leave the list."""
        notes = None if self.state.table is None else self.state.table.notes
        settled = self.pattern and not self.filtering and self.table.has_focus
        if settled and notes is not self._filtered_notes:
            self.post_message(self.Filter(self.pattern))

    # Features

    @on(LineTable.Highlighted)
    def _choose(self, event: LineTable.Highlighted) -> None:
        event.stop()
        self.post_message(self.Chosen(event.row))

    @on(LineTable.Opened)
    def _open(self, event: LineTable.Opened) -> None:
        event.stop()
        self.post_message(self.Opened())

    def go_to_unlabelled(self) -> bool:
        """Go to the next feature without a label, from the last to the first; False if none is."""
        table = self.state.table
        if table is None:
            return False
        return self.table.go_to_next(lambda row: not self.state.label(row))

    def selected_features(self) -> list[int]:
        """The marked features that are shown, or the selected one."""
        selected = [] if self.state.feature is None else [self.state.feature]
        return self.table.marked_rows() or selected

    def text_to_copy(self) -> str:
        """The figures of the feature under the cursor, and what was written down about it."""
        row = self.table.row
        if self._data is None or row is None:
            return ""
        return "\t".join(f"{k} {v}" for k, v in self._data.row(row, self.state.note(row)).items())

    def exports(self) -> list[Export]:
        """The marked rows, or those that are shown, as they are sorted."""
        if self._data is None or self._shown is None:
            return []
        data, marked = self._data, set(self.table.marked_rows())
        rows = [row for row in self.shown_rows() if row in marked or not marked]
        return table_files(
            f"features-{self._shown.sae}",
            [data.row(row, self.state.note(row)) for row in rows],
            title=f"Features of {self._shown.sae}, over {self._shown.activations}",
        )


def _columns(table: FeatureTable | None) -> dict[str, bytes] | None:
    return None if table is None else table.columns


def _sae(table: FeatureTable | None) -> tuple[str, int] | None:
    return None if table is None else (table.sae, table.features)
