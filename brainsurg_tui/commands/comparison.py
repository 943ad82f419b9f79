"""How the command line shows what came of a sweep."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from brainsurg_tui.widgets.numbers import figure, seconds
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p

_FRONT = "●"


def comparison(made: p.SweepResult) -> RenderableType:
    """The SAEs, the sparsest first; those that no other beats (Pareto) are marked."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("sae", overflow="fold")  # its name tells all settings that are varied
    for title in ("L0", "fvu", "CE score", "dead"):
        table.add_column(title, justify="right", no_wrap=True)
    for run in made.runs:
        metrics = run.metrics
        table.add_row(
            Text(visible(run.name)),
            _cell(metrics, "l0"),
            _cell(metrics, "fvu", front=run.fvu_front),
            _cell(metrics, "ce_score", front=run.ce_score_front),
            f"{metrics['dead_fraction']:.1%}",
        )
    note = f"{_FRONT} no other is sparser and better at once; {seconds(made.seconds)} in all"
    return Group(table, Text(note, style="dim"))


def _cell(metrics: dict[str, float], name: str, *, front: bool = False) -> Text:
    value = metrics.get(name)
    text = "–" if value is None else figure(value)
    return Text(f"{_FRONT} {text}" if front else text, style="bold" if front else "")
