"""Pane 2: every feature of the SAE, a line each."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message

from brainsurg_tui import next_steps
from brainsurg_tui.actions import bindings
from brainsurg_tui.exports import Export, table_files
from brainsurg_tui.panes.feature_columns import COLUMNS, FeatureColumns
from brainsurg_tui.panes.feature_filter import features_matching
from brainsurg_tui.panes.table_pane import TablePane
from brainsurg_tui.settings import Sorting
from brainsurg_tui.state import State
from brainsurg_tui.widgets.line_table import LineTable
from engine.service.protocol import FeatureTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class FeatureRows(LineTable, inherit_bindings=False):
    """A line table in which `l` is left to the pane, for labelling; → still moves right."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "pan(1)", binding.description, show=False, id=binding.id)
        if isinstance(binding, Binding) and binding.id == "table.right"
        else binding
        for binding in LineTable.BINDINGS
    ]


class FeaturesPane(TablePane):
    """The feature catalogue: sort it, filter it, name what is in it."""

    heading = "Features"
    BINDINGS: ClassVar[list[BindingType]] = bindings("features")
    columns = tuple(column for column in COLUMNS if column.key != "selectivity")

    @dataclass
    class Chosen(Message):
        """The cursor came to a feature."""

        feature: int

        def can_replace(self, message: Message) -> bool:
            """Only the last of several waiting moves counts."""
            return isinstance(message, FeaturesPane.Chosen)

    class Opened(Message):
        """The user wants to see the feature's snippets."""

    @dataclass
    class Label(Message):
        """The user wants to name a feature."""

        feature: int

    def __init__(self, name: str, *, ascii_only: bool = False) -> None:
        super().__init__(name, ascii_only=ascii_only)
        self._shown: FeatureTable | None = None
        self._data: FeatureColumns | None = None
        self.table.sort_key, self.table.reverse = "max", True

    def make_table(self) -> LineTable:
        """The table, with `l` free."""
        return FeatureRows(*self.columns, ascii_only=self.ascii_only)

    def show(self, state: State) -> None:
        """Show the feature table; its columns are decoded when they are others."""
        self.state = state
        table = state.table
        self.title_line.subject = state.sae or ""
        self.table.empty_text = next_steps.for_features(state)
        shown, self._shown = self._shown, table
        if _columns(table) != _columns(shown):
            self._decode(table)
        elif table is not shown:  # only labels changed: cursor and marks stay
            self.resort()
        if state.feature is not None and state.feature != self.table.row:
            self.table.select(state.feature)

    def _decode(self, table: FeatureTable | None) -> None:
        self.table.marked.clear()
        if table is None:
            self._data = None
            self.set_rows(0, lambda row: ())
            return
        data = self._data = FeatureColumns(table)
        self.table.columns = data.columns
        if self.table.sort_key not in self._keys():
            self.table.sort_key, self.table.reverse = "max", True
        self.set_rows(table.features, lambda row: data.cells(row, self.state.label(row)))

    # Order and filter

    def ordered(self, count: int) -> "NDArray[np.integer] | None":
        """The features that the filter lets through, sorted."""
        if self._data is None:
            return None
        import numpy as np

        labels = self.state.labels()
        mask = features_matching(self.pattern, self._data.values, labels, count)
        key, reverse = self.table.sort_key or "id", self.table.reverse
        return self._data.order(np.flatnonzero(mask), key, labels, reverse=reverse)

    def resort(self) -> None:
        """Bring the rows into the order that is asked for."""
        self.table.order = self.ordered(self._total)
        self.count_shown()

    def figures(self) -> str:
        """Count and order."""
        if not self._total:
            return ""
        arrow = "▲▼"[self.table.reverse]
        return f"{super().figures()} · {self.table.sort_key} {arrow}"

    def restore(self, sorting: Sorting) -> None:
        """Order and filter as they were."""
        super().restore(sorting)
        if sorting.column:
            self.table.sort_key, self.table.reverse = sorting.column, sorting.reverse

    def action_sort_right(self) -> None:
        """Sort by the next column."""
        self._sort(1)

    def action_sort_left(self) -> None:
        """Sort by the column before."""
        self._sort(-1)

    def _sort(self, step: int) -> None:
        keys = self._keys()
        place = keys.index(self.table.sort_key or "id")
        self.table.sort_key = keys[(place + step) % len(keys)]
        self.table.reverse = self.table.sort_key not in ("id", "label")
        self.resort()

    def _keys(self) -> list[str]:
        return [column.key for column in self.table.columns]

    def action_reverse(self) -> None:
        """Turn the order around."""
        self.table.reverse = not self.table.reverse
        self.resort()

    # Features

    @on(LineTable.Highlighted)
    def _choose(self, event: LineTable.Highlighted) -> None:
        event.stop()
        self.post_message(self.Chosen(event.row))

    @on(LineTable.Opened)
    def _open(self, event: LineTable.Opened) -> None:
        event.stop()
        self.post_message(self.Opened())

    def action_label(self) -> None:
        """Name the feature under the cursor."""
        if self.table.row is not None:
            self.post_message(self.Label(self.table.row))

    def wanted(self) -> list[int]:
        """The marked features, or the one under the cursor."""
        if self.table.marked:
            return sorted(self.table.marked)
        return [] if self.table.row is None else [self.table.row]

    def copied(self) -> str:
        """The figures of the feature under the cursor, and its label."""
        row = self.table.row
        if self._data is None or row is None:
            return ""
        return "\t".join(f"{k} {v}" for k, v in self._data.row(row, self.state.label(row)).items())

    def exported(self) -> list[Export]:
        """The rows as they are filtered and sorted, as CSV and JSON."""
        if self._data is None or self._shown is None:
            return []
        rows = [self._data.row(row, self.state.label(row)) for row in self.shown_rows()]
        return table_files(f"features-{self._shown.sae}", rows)


def _columns(table: FeatureTable | None) -> dict[str, bytes] | None:
    return None if table is None else table.columns
