"""Pane 3: texts on which the selected feature is active, from the strongest to the silent ones."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from brainsurg_tui.actions import next_steps
from brainsurg_tui.actions.registry import bindings
from brainsurg_tui.exports import Export, table_files
from brainsurg_tui.panes.detail.text import facts
from brainsurg_tui.panes.feature_rows import FeatureRows, ReadDocument
from brainsurg_tui.panes.snippet_rows import DOCUMENT, PEAK, TEXT, snippet_cells
from brainsurg_tui.panes.table_pane import TablePane
from brainsurg_tui.state.feature_view import EXAMPLE_GROUPS
from brainsurg_tui.state.parts import StatePart
from brainsurg_tui.state.state import State
from brainsurg_tui.widgets.line_table import LineTable
from brainsurg_tui.widgets.numbers import column_format, figure
from brainsurg_tui.widgets.text_block import TextBlock
from engine.service.protocol import Snippet


class SnippetsPane(TablePane):
    """One snippet a line, peak in view, shaded by activation; figures of the feature above."""

    heading = "Snippets"
    BINDINGS: ClassVar[list[BindingType]] = bindings("snippets", "feature")
    shows: ClassVar[frozenset[StatePart]] = frozenset(
        {"sae", "table", "notes", "feature", "detail", "examples"}
    )
    columns = (PEAK, TEXT, DOCUMENT)

    def __init__(self, name: str, state: State, *, ascii_only: bool = False) -> None:
        super().__init__(name, state, ascii_only=ascii_only)
        self._shown: object = None
        self._snippets: Sequence[Snippet] = ()
        self.facts = TextBlock("feature-facts")

    def make_table(self) -> LineTable:
        """The table, with `l` free."""
        return FeatureRows(*self.columns, ascii_only=self.ascii_only)

    def body(self) -> Iterable[Widget]:
        """What is known of the feature, and the table."""
        yield self.facts
        yield from super().body()

    def show(self) -> None:
        """Show the examples of the feature that was answered last: the old ones stay till then."""
        state = self.state
        detail, view = state.detail, state.feature_view
        if detail is None or view is None:
            self._show_nothing()
            return
        if view.feature != detail.id:
            return
        label = state.label(detail.id)
        group = EXAMPLE_GROUPS[view.group].title
        name = f"{detail.id} “{label}”" if label else str(detail.id)
        self.title_line.subject = f"{name} · {group}"
        snippets = view.snippets(detail)
        if snippets is None or (detail, view.radius, snippets) == self._shown:
            return
        self._shown, self._snippets = (detail, view.radius, snippets), snippets
        nothing = next_steps.NOWHERE if view.is_default() else next_steps.NO_EXAMPLE
        self.table.empty_text = view.textless(detail) or nothing
        self.set_rows(
            len(snippets),
            snippet_cells(self.table, snippets, detail.max, column_format(detail.max)),
        )
        self.facts.show(facts(detail, ascii_only=self.ascii_only))

    def _show_nothing(self) -> None:
        self._shown, self._snippets = None, ()
        self.title_line.subject = ""
        self.table.empty_text = next_steps.for_snippets(self.state)
        self.set_rows(0, lambda row: ())
        self.facts.show("")

    def title_info(self) -> str:
        """The feature's maximum."""
        detail = self.state.detail
        return (
            super().title_info() if detail is None or self.pattern else f"max {figure(detail.max)}"
        )

    def row_text(self, row: int) -> str:
        """The snippet's text."""
        return self._snippets[row].text

    def exports(self) -> list[Export]:
        """The examples that are shown, as they are shown."""
        view = self.state.feature_view
        if view is None or not self._snippets:
            return []
        shown = [self._snippets[row] for row in self.shown_rows()]
        rows = [
            {
                "activation": snippet.activations[snippet.peak],
                "token": snippet.tokens[snippet.peak],
                "text": snippet.text,
                "document": snippet.document,
                "position": snippet.position,
            }
            for snippet in shown
        ]
        title = f"Feature {view.feature} of {view.sae}, {EXAMPLE_GROUPS[view.group].title}"
        return table_files(f"snippets-{view.sae}-{view.feature}", rows, title=title)

    @on(LineTable.Opened)
    def _read(self, event: LineTable.Opened) -> None:
        event.stop()
        self.post_message(ReadDocument(self._snippets[event.row]))
