"""A sheet over the panes: all that is known of one feature, each part as soon as it is there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget

from brainsurg_tui.actions import next_steps
from brainsurg_tui.actions.registry import bindings
from brainsurg_tui.exports import Export, json_text
from brainsurg_tui.panes.detail import text as detail_texts
from brainsurg_tui.panes.detail.relatives import COACTIVE, NEAREST, RelativeRows
from brainsurg_tui.panes.feature_rows import FeatureRows, ReadDocument
from brainsurg_tui.panes.pane import Pane
from brainsurg_tui.panes.snippet_rows import DOCUMENT, PEAK, TEXT, snippet_cells
from brainsurg_tui.state.feature_view import EXAMPLE_GROUPS
from brainsurg_tui.state.parts import StatePart
from brainsurg_tui.state.state import State
from brainsurg_tui.widgets.line_table import LineTable
from brainsurg_tui.widgets.numbers import column_format
from brainsurg_tui.widgets.text_block import TextBlock
from engine.service.protocol import FeatureDetail, Snippet

_WIDE_FROM = 150
"""Width from which examples and relatives stand beside the figures."""
_LINES_ALWAYS = 5
"""Title, what was written down, figures, and the tokens promoted and suppressed."""
_MOST_BARS, _LEAST_BARS = 12, 4
_MARGIN = 3
"""Cells to the left and right of the charts."""


class DetailSheet(Pane):
    """Figures, histogram, categories, tokens, relatives and examples of the selected feature."""

    heading = "Detail"
    BINDINGS: ClassVar[list[BindingType]] = bindings("detail", "feature")
    shows: ClassVar[frozenset[StatePart]] = frozenset(
        {"sae", "table", "notes", "feature", "detail", "examples", "relatives"}
    )

    @dataclass
    class Step(Message):
        """The user wants the next feature of the list this one was opened from, or the one
        before."""

        rows: int

    def __init__(self, name: str, state: State, *, ascii_only: bool = False) -> None:
        super().__init__(name, state, ascii_only=ascii_only)
        self._annotations = TextBlock("detail-annotations")
        self._figures = TextBlock("detail-figures")
        self._histogram = TextBlock("detail-histogram")
        self._activity = TextBlock("detail-activity")
        self._tokens = TextBlock("detail-tokens")
        self._nearest = RelativeRows(NEAREST, "detail-nearest", ascii_only=ascii_only)
        self._coactive = RelativeRows(COACTIVE, "detail-coactive", ascii_only=ascii_only)
        self._examples = FeatureRows(
            PEAK, TEXT, DOCUMENT, ascii_only=ascii_only, id="detail-examples"
        )
        self._snippets: Sequence[Snippet] = ()

    def body(self) -> Iterable[Widget]:
        """What is read, and what one moves in."""
        with Vertical(id="detail-parts"):
            with Vertical(id="detail-read"):
                yield self._annotations
                yield self._figures
                with Horizontal(id="detail-charts"):
                    yield self._histogram
                    yield self._activity
                yield self._tokens
            with Vertical(id="detail-lists"):
                with Horizontal(id="detail-relatives"):
                    yield self._nearest
                    yield self._coactive
                yield self._examples

    @property
    def target(self) -> Widget:
        """The list that had the focus last."""
        return self.screen.focused if self.screen.focused in self._lists else self._examples

    @property
    def _lists(self) -> list[LineTable]:
        return [self._nearest, self._coactive, self._examples]

    def show(self) -> None:
        """Show the parts that are answered; those of the feature before stay till then."""
        state = self.state
        if not self.display:
            return
        view, detail = state.feature_view, state.detail
        if view is None or detail is None:
            self._examples.empty_text = next_steps.for_snippets(state)
            return
        note = state.note(view.feature)
        self.title_line.subject = (
            f"{view.feature} “{note.label}”" if note.label else f"{view.feature}"
        )
        accent = self.app.theme_variables["accent"]
        keys = next_steps.for_a_feature_without_notes(state)
        self._annotations.show(
            detail_texts.annotation_line(note, keys, accent, ascii_only=self.ascii_only)
        )
        other = state.other_sae or view.sae
        self._nearest.columns = tuple(
            replace(column, title=f"in {other}" if other != view.sae else column.title)
            if column.key == "id"
            else column
            for column in NEAREST
        )
        self._nearest.show(other, view.nearest)
        self._coactive.show(view.sae, view.coactive)
        if view.feature == detail.id:
            self._show_detail(detail)

    def _show_detail(self, detail: FeatureDetail) -> None:
        self.title_line.info = detail_texts.headline(detail, ascii_only=self.ascii_only)
        self._figures.show(detail_texts.figures(detail))
        self._tokens.show(detail_texts.tokens(detail, ascii_only=self.ascii_only))
        self._draw_charts(detail)
        view = self.state.feature_view
        assert view is not None
        snippets = view.snippets(detail)
        group = EXAMPLE_GROUPS[view.group].title
        self._examples.columns = (PEAK, replace(TEXT, title=f"examples: {group}"), DOCUMENT)
        if snippets is None or snippets is self._snippets:
            return
        self._snippets = snippets
        self._examples.empty_text = view.textless(detail) or next_steps.NO_EXAMPLE
        self._examples.set_rows(
            len(snippets),
            snippet_cells(self._examples, snippets, detail.max, column_format(detail.max)),
        )

    def _draw_charts(self, detail: FeatureDetail) -> None:
        """Histogram and categories: under each other where it is wide, else side by side."""
        accent = self.app.theme_variables["accent"]
        wide = self.has_class("-wide")
        kinds = bool(detail.activity)
        inner = self.size.width * 2 // 5 - _MARGIN if wide else self.size.width - _MARGIN
        width = inner if wide or not kinds else inner // 2
        heights = (_MOST_BARS, len(detail.activity) + 1) if wide else (self._bars, self._bars)
        for note, height, shown in zip(
            (self._histogram, self._activity), heights, (True, kinds), strict=True
        ):
            note.styles.height = height
            note.display = shown and self._bars > 0
        self._histogram.show(
            detail_texts.histogram(
                detail.histogram, width, heights[0], accent, ascii_only=self.ascii_only
            )
        )
        self._activity.show(
            detail_texts.activity(
                detail, width - _MARGIN, heights[1], accent, ascii_only=self.ascii_only
            )
        )

    @property
    def _bars(self) -> int:
        """Lines for the charts, in a pane that is not wide; none where it is low."""
        lines = min(_MOST_BARS, (self.size.height - _LINES_ALWAYS) // 3)
        return lines if lines >= _LEAST_BARS else 0

    def on_resize(self, event: Resize) -> None:
        """Give every part its share of the room."""
        self.set_class(event.size.width >= _WIDE_FROM, "-wide")
        self.show()

    # The lists

    def go_to_list(self, step: int) -> None:
        """Focus the next list (1) or the one before (-1)."""
        lists = self._lists
        focused = self.screen.focused
        place = lists.index(focused) if focused in lists else 0
        lists[(place + step) % len(lists)].focus()

    def step(self, rows: int) -> None:
        """Go to the next or previous feature of the list this one was opened from."""
        self.post_message(self.Step(rows))

    @on(LineTable.Highlighted)
    def _stay(self, event: LineTable.Highlighted) -> None:
        event.stop()

    @on(LineTable.Opened)
    def _read(self, event: LineTable.Opened) -> None:
        event.stop()
        self.post_message(ReadDocument(self._snippets[event.row]))

    # What leaves

    def _everything(self) -> Text:
        detail, view = self.state.detail, self.state.feature_view
        if detail is None or view is None:
            return Text()
        note = self.state.note(detail.id)
        parts = [
            Text(f"{view.sae} {detail.id}"),
            detail_texts.annotation_line(note, "", ""),
            detail_texts.figures(detail),
            detail_texts.tokens(detail),
            *(Text(snippet.text) for snippet in self._snippets),
        ]
        return Text("\n").join(part for part in parts if part)

    def text_to_copy(self) -> str:
        """All that can be read here."""
        return self._everything().plain

    def exports(self) -> list[Export]:
        """What the engine told of the feature."""
        view, detail = self.state.feature_view, self.state.detail
        if view is None or detail is None:
            return []
        parts = {
            "sae": view.sae,
            "feature": detail,
            "examples": {"kind": EXAMPLE_GROUPS[view.group].title, "snippets": self._snippets},
            "nearest": {"sae": self.state.other_sae or view.sae, "answer": view.nearest},
            "coactive": view.coactive,
        }
        return [Export(f"feature-{view.sae}-{detail.id}.json", json_text(parts))]
