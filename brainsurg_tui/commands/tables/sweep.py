"""What came of a sweep."""

from rich.console import Group, RenderableType
from rich.text import Text

from brainsurg_tui.commands.tables.parts import foreign, numbers, table
from brainsurg_tui.widgets.numbers import figure, seconds
from engine.service import protocol as p

_FRONT = "●"


def comparison(found: p.SweepResult) -> RenderableType:
    """The SAEs, the sparsest first; those that no other beats (Pareto) are marked."""
    made = table("sae", *numbers("L0", "fvu", "CE score", "dead"))
    for run in found.runs:
        metrics = run.metrics
        made.add_row(
            foreign(run.name),  # it tells all settings that are varied
            _cell(metrics, "l0"),
            _cell(metrics, "fvu", front=run.fvu_front),
            _cell(metrics, "ce_score", front=run.ce_score_front),
            f"{metrics['dead_fraction']:.1%}",
        )
    note = f"{_FRONT} no other is sparser and better at once; {seconds(found.seconds)} in all"
    return Group(made, Text(note, style="dim"))


def _cell(metrics: dict[str, float], name: str, *, front: bool = False) -> Text:
    value = metrics.get(name)
    text = "–" if value is None else figure(value)
    return Text(f"{_FRONT} {text}" if front else text, style="bold" if front else "")
