"""What came of a sweep."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from brainsurg_tui.commands.tables.parts import numbers, table, visible_text
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.widgets.numbers import figure_or_dash, seconds
from engine.service import protocol as p

_FRONT = "●"


@tables_of.register
def sweep_tables(found: p.SweepResult) -> Iterator[RenderableType]:
    """The SAEs, the sparsest first; those that no other beats (Pareto) are marked."""
    grid = table("sae", *numbers("L0", "fvu", "CE score", "dead"))
    for run in found.runs:
        metrics, dead = run.metrics, run.metrics.get("dead_fraction")
        grid.add_row(
            visible_text(run.name),  # it tells all settings that are varied
            _cell(metrics, "l0"),
            _cell(metrics, "fvu", front=run.fvu_front),
            _cell(metrics, "ce_score", front=run.ce_score_front),
            "–" if dead is None else f"{dead:.1%}",
        )
    note = f"{_FRONT} no other is sparser and better at once; {seconds(found.seconds)} in all"
    yield grid
    yield Text(note, style="dim")


def _cell(metrics: dict[str, p.Figure], name: str, *, front: bool = False) -> Text:
    text = figure_or_dash(metrics.get(name))
    return Text(f"{_FRONT} {text}" if front else text, style="bold" if front else "")
