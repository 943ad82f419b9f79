"""The reports of clamps that are kept."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Column
from rich.text import Text

from brainsurg_tui.commands.tables.parts import numbers, short_column, table, visible_text
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.widgets.numbers import date_and_time, figure_or_dash
from engine.service import protocol as p


@tables_of.register
def clamp_list_tables(kept: p.ClampList) -> Iterator[RenderableType]:
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
                date_and_time(one.created),
                visible_text(one.edits),
                visible_text(one.sae),
                str(one.prompts),
                one.view,
                figure_or_dash(one.kl),
            )
        yield rows
    if kept.damaged:
        damaged = ", ".join(map(str, kept.damaged))
        yield Text(f"Can't be read: {damaged}", style="yellow")
