"""Pane 3: the texts on which the selected feature is most active."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from brainsurg_tui import next_steps
from brainsurg_tui.actions import bindings
from brainsurg_tui.panes.figures import aligned
from brainsurg_tui.panes.note import Note
from brainsurg_tui.panes.table_pane import TablePane
from brainsurg_tui.state import State
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable
from brainsurg_tui.widgets.numbers import figure
from brainsurg_tui.widgets.shades import shades_for
from brainsurg_tui.widgets.token_strip import snippet_line
from brainsurg_tui.widgets.visible import visible
from engine.service.protocol import FeatureDetail, Snippet


class SnippetsPane(TablePane):
    """One snippet a line, peak in view, shaded by activation; figures of the feature above."""

    heading = "Snippets"
    BINDINGS: ClassVar[list[BindingType]] = bindings("snippets")
    columns = (
        Column("peak", "peak", width=7, align="right", priority=2),
        Column("text", "snippet", width=20, fraction=1, priority=3),
        Column("document", "document", width=8, align="right", priority=1),
    )

    @dataclass
    class Read(Message):
        """The user wants to read a whole snippet."""

        snippet: Snippet

    def __init__(self, name: str, *, ascii_only: bool = False) -> None:
        super().__init__(name, ascii_only=ascii_only)
        self._shown: tuple[FeatureDetail | None, str] | None = None
        self.facts = Note("feature-facts")

    def body(self) -> Iterable[Widget]:
        """What is known of the feature, and the table."""
        yield self.facts
        yield from super().body()

    def show(self, state: State) -> None:
        """Show the snippets of the feature that was answered last: the old ones stay till then."""
        self.state = state
        detail = state.detail
        shown = (detail, "" if detail is None else state.label(detail.id))
        if shown == self._shown:
            return
        self._shown = shown
        if detail is None:
            self.title_line.subject = ""
            self.table.empty_text = next_steps.for_snippets(state)
            self.set_rows(0, lambda row: ())
            self.facts.say("")
            return
        self.title_line.subject = f"{detail.id} “{shown[1]}”" if shown[1] else str(detail.id)
        self.table.empty_text = "It is active nowhere in the scanned text."
        write = aligned(detail.max)
        shades = shades_for(self.table)

        def cells(row: int) -> tuple[str, Text, str]:
            snippet = detail.snippets[row]
            line = snippet_line(
                snippet.tokens,
                snippet.activations,
                snippet.peak,
                self.table.column_width("text"),
                maximum=detail.max,
                shades=shades,
                marks=self.ascii_only or self.app.no_color,
                ascii_only=self.ascii_only,
            )
            peak = snippet.activations[snippet.peak]
            return write(peak), line, str(snippet.document)

        self.set_rows(len(detail.snippets), cells)
        self.facts.say(self._facts(detail))

    def figures(self) -> str:
        """The feature's maximum."""
        detail = self.state.detail
        return super().figures() if detail is None or self.pattern else f"max {figure(detail.max)}"

    def _facts(self, detail: FeatureDetail) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"density {figure(detail.density)}", "dim")
        text.append(f"  ·  {detail.documents:,} documents", "dim")
        text.append(f"  ·  mean {figure(detail.mean)}", "dim")
        if detail.selectivity is not None:
            text.append(
                f"  ·  prefers {visible(detail.category)} ({figure(detail.selectivity)})", "dim"
            )
        for title, tokens in (("promotes  ", detail.promoted), ("suppresses", detail.suppressed)):
            if tokens:
                text.append(f"\n{title}  ", "dim")
                text.append(
                    "  ".join(
                        visible(token, ascii_only=self.ascii_only).strip() or "␣"
                        for token in tokens
                    )
                )
        return text

    def _token(self, token: str) -> str:
        return visible(token, ascii_only=self.ascii_only).strip() or "␣"

    def row_text(self, row: int) -> str:
        """The snippet's text."""
        return "" if self.state.detail is None else self.state.detail.snippets[row].text

    @on(LineTable.Opened)
    def _read(self, event: LineTable.Opened) -> None:
        event.stop()
        if self.state.detail is not None:
            self.post_message(self.Read(self.state.detail.snippets[event.row]))
