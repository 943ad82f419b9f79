"""The reports of clamps that are kept."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import RenderableType
from rich.table import Column
from rich.text import Text

from brainsurg_tui.commands.tables.parts import numbers, short_column, table, visible_text
from brainsurg_tui.widgets.numbers import figure
from engine.service import protocol as p


def kept_clamps(kept: p.ClampList) -> Iterator[RenderableType]:
    """All of them, and which can't be read."""
    if not kept.clamps:
        yield "No clamp yet."
    else:
        rows = table(
            *numbers("id"), short_column("when"), Column("edit", overflow="fold"), "SAE",
            *numbers("prompts"), short_column("view"), *numbers("KL"),
        )  # fmt: skip
        for one in kept.clamps:
            rows.add_row(
                str(one.id),
                when(one.created),
                visible_text(one.edits),
                visible_text(one.sae),
                str(one.prompts),
                one.view,
                "–" if one.kl is None else figure(one.kl),
            )
        yield rows
    if kept.damaged:
        numbers_of = ", ".join(map(str, kept.damaged))
        yield Text(f"Can't be read: {numbers_of}", style="yellow")


def when(seconds: float) -> str:
    """A moment of this machine's time, to the minute."""
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
