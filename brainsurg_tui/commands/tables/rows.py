"""What is said of the kinds of activations: how many are sinks, and whether they are counted."""

from collections.abc import Iterator

import msgspec
from rich.console import RenderableType
from rich.text import Text

from brainsurg_tui.commands.json_document import plain_data
from brainsurg_tui.commands.tables.parts import pair_table, visible_text
from brainsurg_tui.commands.tables.registry import readable, tables_of
from engine.service import protocol as p

_IN_WORDS = ("row_summaries", "row_summary", "keep_sinks")
"""Fields that a sentence stands for."""


def sinks_line(rows: p.RowSummary | None, *, keep_sinks: bool) -> Iterator[RenderableType]:
    """How many sinks there are, and whether they are in the figures; nothing where none is."""
    if rows is not None and rows.sentence:
        counted = "Sinks are counted, as asked for." if keep_sinks else "They are left out."
        yield Text(f"{rows.sentence} {counted}", style="dim")


@tables_of.register
def capture_tables(result: p.CaptureResult) -> Iterator[RenderableType]:
    """The fields, and what is left out of each set from now on."""
    yield from _fields(result)
    for name, rows in result.row_summaries.items():
        if rows.sentence:
            yield Text.assemble(visible_text(name, "bold"), (f": {rows.sentence}", "dim"))


@tables_of.register
def scan_tables(result: p.ScanResult) -> Iterator[RenderableType]:
    """The fields, and what was left out."""
    yield from _fields(result)
    yield from sinks_line(result.row_summary, keep_sinks=result.keep_sinks)


def _fields(result: msgspec.Struct) -> Iterator[RenderableType]:
    fields = plain_data(result)
    for name in _IN_WORDS:
        fields.pop(name, None)
    yield pair_table(readable(fields))
