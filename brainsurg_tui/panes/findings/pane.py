"""A sheet over the panes: the features that a search found, and where in the text they answer."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from brainsurg_tui.actions import next_steps
from brainsurg_tui.actions.registry import bindings
from brainsurg_tui.exports import Export, table_files
from brainsurg_tui.panes.feature_rows import FeatureRows, ReadDocument
from brainsurg_tui.panes.findings import text as finding_texts
from brainsurg_tui.panes.findings.columns import (
    ResultColumn,
    result_columns,
    row_writer,
    sorted_rows,
)
from brainsurg_tui.panes.snippet_rows import DOCUMENT, PEAK, TEXT, snippet_text
from brainsurg_tui.panes.table_pane import TablePane
from brainsurg_tui.state.parts import StatePart
from brainsurg_tui.state.search_results import SearchResults
from brainsurg_tui.state.state import State
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable
from brainsurg_tui.widgets.numbers import column_format
from brainsurg_tui.widgets.shades import shades_for
from brainsurg_tui.widgets.text_block import TextBlock
from engine.service.protocol import Firing, Grep

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KIND = Column("kind", "", width=5, priority=4)


class FindingsSheet(TablePane):
    """A sortable table over, where a pattern was searched for, hits, misses and false alarms."""

    heading = "Findings"
    BINDINGS: ClassVar[list[BindingType]] = bindings("findings", "feature")
    shows: ClassVar[frozenset[StatePart]] = frozenset(
        {"sae", "table", "notes", "feature", "search", "search_progress"}
    )
    columns = tuple(
        column.column for column in result_columns(SearchResults(Grep(sae="", pattern="")))
    )

    @dataclass
    class Chosen(Message):
        """The cursor came to a feature that was found."""

        feature: int

        def can_replace(self, message: Message) -> bool:
            """Only the last of several waiting moves counts."""
            return isinstance(message, FindingsSheet.Chosen)

    @dataclass
    class Opened(Message):
        """The user wants to see all of a feature that was found."""

        feature: int

    def __init__(self, name: str, state: State, *, ascii_only: bool = False) -> None:
        super().__init__(name, state, ascii_only=ascii_only)
        self._results: SearchResults | None = None
        self._answer: object = None
        self._places_answer: object = None
        self._notes: object = None
        self._result_columns: list[ResultColumn] = []
        self._features: list[Any] = []
        self._summary = TextBlock("findings-summary")
        self._strip = TextBlock("findings-strip")
        self._places = FeatureRows(
            _KIND, PEAK, TEXT, DOCUMENT, ascii_only=ascii_only, id="findings-places"
        )

    def make_table(self) -> LineTable:
        """The table, with `l` free."""
        return FeatureRows(*self.columns, ascii_only=self.ascii_only)

    def body(self) -> Iterable[Widget]:
        """The summary, the text, the features, and the places."""
        yield self._summary
        yield self._strip
        yield from super().body()
        yield self._places

    def show(self) -> None:
        """Show the answer, or that it is awaited."""
        state = self.state
        results = state.search.results
        self.table.empty_text = next_steps.for_findings(state)
        self.title_line.subject = "" if results is None else results.title()
        if results is None:
            return
        if results is not self._results:
            self.table.sort_key = None
            self.table.marked.clear()
        if (results, results.answer) != (self._results, self._answer) or not self._features:
            self._show_answer(results)
        if self.table.row is not None and state.feature != self._features[self.table.row].id:
            self._select(state.feature)
        self._show_places(results)
        if state.table is not None and state.table.notes is not self._notes:
            self._notes = state.table.notes
            self.table.refresh()

    def _show_answer(self, results: SearchResults) -> None:
        self._results, self._answer = results, results.answer
        self._features = [] if results.answer is None else list(results.answer.features)
        self._result_columns = result_columns(results)
        self.table.columns = tuple(column.column for column in self._result_columns)
        self._summary.show(finding_texts.summary(results, ascii_only=self.ascii_only))
        write = row_writer(self._result_columns, self._features)
        label = [column.column.key for column in self._result_columns].index("label")

        def cells(row: int) -> list[str | Text]:
            # A label that was given since is newer than the answer.
            written: list[str | Text] = list(write(row))
            if results.sae == self.state.sae:
                written[label] = self.state.label(self._features[row].id)
            return written

        self.set_rows(len(self._features), cells)
        self._show_strip()

    def _select(self, feature: int | None) -> None:
        ids = [found.id for found in self._features]
        if feature in ids:
            self.table.select(ids.index(feature))

    def _show_strip(self) -> None:
        results = self._results
        firing = None if results is None else results.answer
        self._strip.display = isinstance(firing, Firing)
        if isinstance(firing, Firing):
            marks = self.ascii_only or self.app.no_color
            shades = shades_for(self._strip)
            row = self.table.row
            self._strip.show(
                finding_texts.strip(firing, row, shades, marks=marks, ascii_only=self.ascii_only)
            )

    def _show_places(self, results: SearchResults) -> None:
        self._places.display = isinstance(results.request, Grep)
        if results.places_answer is self._places_answer and self._places.shown:
            return
        self._places_answer = results.places_answer
        places = results.places()
        peaks = [snippet.activations[snippet.peak] for _, snippet in places]
        largest = max(peaks, default=0.0)
        write = column_format(largest)
        title = finding_texts.score(results.places_answer)
        self._places.columns = (_KIND, PEAK, replace(TEXT, title=title), DOCUMENT)
        self._places.empty_text = (
            "…" if results.places_answer is None else "It matches nowhere here."
        )

        def cells(row: int) -> tuple[str, str, Text, str]:
            kind, snippet = places[row]
            text = snippet_text(self._places, snippet, largest)
            return kind, write(peaks[row]), text, str(snippet.document)

        self._places.set_rows(len(places), cells)

    # Order and filter

    def title_info(self) -> str:
        """How many were found, and what the order is, if it is not the answer's."""
        key = self.table.sort_key
        arrow = "" if key is None else f" · {key} {'▲▼'[self.table.reverse]}"
        return f"{super().title_info()} features{arrow}" if self._total else ""

    def row_order(self, count: int) -> "NDArray[np.integer] | None":
        """As they were answered, or sorted; those that the filter lets through."""
        import numpy as np

        rows = super().row_order(count)
        column = next(
            (c for c in self._result_columns if c.column.key == self.table.sort_key), None
        )
        if column is None:
            return rows
        order = np.array(sorted_rows(column, self._features, reverse=self.table.reverse), dtype=int)
        return order if rows is None else order[np.isin(order, rows)]

    def row_text(self, row: int) -> str:
        """The cells of a row."""
        return "\t".join(row_writer(self._result_columns, self._features)(row))  # type: ignore[arg-type]

    def sort(self, step: int) -> None:
        """Sort by the next column (1) or the one before (-1); beyond the last, as answered."""
        keys = [None, *(column.column.key for column in self._result_columns)]
        self.table.sort_key = keys[(keys.index(self.table.sort_key) + step) % len(keys)]
        self.table.reverse = self.table.sort_key not in ("id", "label", "token")
        self._resort()

    def reverse_order(self) -> None:
        """Turn the order around."""
        self.table.reverse = not self.table.reverse
        self._resort()

    def _resort(self) -> None:
        self.table.order = self.row_order(self._total)
        self.show_count()

    def go_to_other_list(self) -> None:
        """From the features to the places, and back."""
        there = self.screen.focused is self._places or not self._places.display
        (self.table if there else self._places).focus()

    # What is wanted

    @on(LineTable.Highlighted)
    def _move(self, event: LineTable.Highlighted) -> None:
        event.stop()
        if event.table is self.table:
            self._show_strip()
            self.post_message(self.Chosen(self._features[event.row].id))

    @on(LineTable.Opened)
    def _open(self, event: LineTable.Opened) -> None:
        event.stop()
        if event.table is self.table:
            self.post_message(self.Opened(self._features[event.row].id))
        elif self._results is not None:
            self.post_message(ReadDocument(self._results.places()[event.row][1]))

    def selected_features(self) -> list[int]:
        """The marked features that are shown, or the one under the cursor."""
        cursor = [] if self.table.row is None else [self.table.row]
        return [self._features[row].id for row in self.table.marked_rows() or cursor]

    def exports(self) -> list[Export]:
        """The features as they are shown."""
        if self._results is None:
            return []
        rows = [_flat(msgspec.to_builtins(self._features[row])) for row in self.shown_rows()]
        title = f"{self._results.sae}: {self._results.title()}"
        return table_files(f"findings-{self._results.sae}", rows, title=title)


def _flat(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Fields of one row, those of structures inside it as `held_out.auc.mean`."""
    row: dict[str, Any] = {}
    for name, value in fields.items():
        key = f"{prefix}{name}"
        row |= _flat(value, f"{key}.") if isinstance(value, dict) else {key: value}
    return row
