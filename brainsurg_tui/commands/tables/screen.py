"""Which of many features do more than chance."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from brainsurg_tui.commands.tables.parts import numbers, table
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.widgets.numbers import figure, signed
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p

_SMALL = 0.05


@tables_of.register
def screening(report: p.Screening) -> Iterator[RenderableType]:
    """A row for each feature, the least likely first."""
    found = sum(each.q is not None and each.q <= _SMALL for each in report.features)
    yield Text(
        f"{visible(report.measure)}, {report.unit}: mean over {report.prompts} prompts of each"
        " feature clamped by itself"
    )
    rows = table(*numbers("feature", "mean", "5–95 % of nulls", "nulls", "p", "q"))
    for each in report.features:
        null = each.null
        rows.add_row(
            str(each.feature),
            signed(each.value),
            f"{signed(null.low)} {signed(null.high)}" if null else "–",
            str(null.n) if null else "–",
            figure(null.p) if null else "–",
            "–" if each.q is None else figure(each.q),
        )
    yield rows
    yield Text(
        f"{found} of {len(report.features)} with q ≤ {_SMALL}: of those, at most so large a share"
        " is expected to be chance (Benjamini and Hochberg 1995)",
        style="dim",
    )
