"""Snippets as the rows of a table: a line each, the peak in view."""

from collections.abc import Callable, Sequence

from rich.text import Text

from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import Cells, LineTable
from brainsurg_tui.widgets.shades import shades_for
from brainsurg_tui.widgets.token_strip import snippet_line
from engine.service.protocol import Snippet

PEAK = Column("peak", "peak", width=7, align="right", priority=2)
TEXT = Column("text", "snippet", width=20, fraction=1, priority=3)
DOCUMENT = Column("document", "document", width=8, align="right", priority=1)


def snippet_text(table: LineTable, snippet: Snippet, maximum: float) -> Text:
    """The snippet in one line, as wide as the table's column `text`, shaded up to `maximum`."""
    return snippet_line(
        snippet.tokens,
        snippet.activations,
        snippet.peak,
        table.column_width("text"),
        maximum=maximum,
        shades=shades_for(table),
        marks=table.ascii_only or table.app.no_color,
        ascii_only=table.ascii_only,
    )


def snippet_cells(
    table: LineTable, snippets: Sequence[Snippet], maximum: float, write: Callable[[float], str]
) -> Cells:
    """How to write row i of a table with the columns PEAK, TEXT and DOCUMENT."""

    def cells(row: int) -> tuple[str, Text, str]:
        snippet = snippets[row]
        peak = snippet.activations[snippet.peak]
        return write(peak), snippet_text(table, snippet, maximum), str(snippet.document)

    return cells
