"""Texts in which a feature is active."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from brainsurg_tui.widgets.numbers import figure
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p


def snippet_table(found: Sequence[p.Snippet], *, whole: bool = True) -> Table:
    """The activation at each place, and the text around it: the whole of it, or one line."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for snippet in found:
        peak = figure(snippet.activations[snippet.peak])
        table.add_row(peak, _marked(snippet) if whole else _OneLine(snippet))
    return table


@dataclass(frozen=True)
class _OneLine:
    """A text in one line with its peak in sight."""

    snippet: p.Snippet

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, min(sum(self._widths()), options.max_width))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self._widths()
        first, last = 0, self.snippet.peak + 1
        while first < self.snippet.peak and sum(widths[first:last]) > options.max_width * 2 // 3:
            first += 1
        line = Text("…", "dim") if first else Text()
        line.append_text(_marked(self.snippet, first))
        line.truncate(options.max_width, overflow="ellipsis")
        yield line

    def _widths(self) -> list[int]:
        return [cell_len(visible(token)) for token in self.snippet.tokens]


def _marked(snippet: p.Snippet, begin: int = 0) -> Text:
    """Its text from token `begin` on; where activations aren't known, it is dim."""
    first, last = snippet.known or (0, len(snippet.tokens))
    text = Text()
    for index in range(begin, len(snippet.tokens)):
        style = "" if first <= index < last else "dim"
        if snippet.activations[index] > 0:
            style = "yellow"
        if index == snippet.peak:
            style = "bold reverse"
        text.append(visible(snippet.tokens[index]), style)
    return text
