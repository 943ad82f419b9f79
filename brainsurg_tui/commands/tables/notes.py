"""What is written down about features."""

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType

from brainsurg_tui.commands.tables.parts import pair_table
from brainsurg_tui.commands.tables.registry import tables_of
from engine.service import protocol as p

_FEW = 20
"""Features that are named; of more only the number is shown."""


def note_row(note: p.Note) -> dict[str, Any]:
    """A note as JSON and exported tables have it."""
    return {
        "label": note.label,
        "tags": list(note.tags),
        "starred": note.starred,
        "note": note.text,
    }


@tables_of.register
def note_tables(note: p.Note) -> Iterator[RenderableType]:
    """What is written down about one feature."""
    rows = {"label": note.label, "tags": " ".join(note.tags), "note": note.text}
    rows = {name: text for name, text in rows.items() if text}
    if note.starred:
        rows["starred"] = "★"
    yield pair_table(rows) if rows else "Nothing is written down about it."


@tables_of.register
def import_tables(merged: p.MergeOutcome) -> Iterator[RenderableType]:
    """How many notes of an import were new, and of which features others were there already."""
    conflicting = merged.conflicting
    yield f"{merged.new:,} new, {merged.same:,} the same, {len(conflicting):,} different"
    if conflicting:
        first = ", ".join(map(str, conflicting[:_FEW]))
        more = ", …" if len(conflicting) > _FEW else ""
        fate = "overwritten" if merged.replaced else "left as they were; --replace overwrites them"
        yield f"features {first}{more}: {fate}"
