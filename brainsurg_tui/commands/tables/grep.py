"""Where a pattern matches."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from brainsurg_tui.commands.tables.parts import numbers, one_line, table
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.commands.tables.snippets import snippet_table
from brainsurg_tui.widgets.numbers import figure
from engine.service import protocol as p


@tables_of.register
def match_tables(report: p.GrepReport) -> Iterator[RenderableType]:
    """Where a pattern matches, and the features, or the places, that this concerns."""
    looked_at = f"{report.documents:,} documents"
    if report.documents < report.total_documents:
        looked_at = f"a random {report.documents:,} of {report.total_documents:,} documents"
    yield Text(
        f"{report.matches:,} matches, {report.matched_tokens:,} of {report.tokens:,} tokens"
        f" in {looked_at}"
    )
    if report.features:
        yield _scores(report.features)
    for title, places in (
        ("matches in which it is active", report.hits),
        ("matches in which it is silent", report.misses),
        ("active outside of all matches", report.false_alarms),
    ):
        if places:
            yield ""
            yield Text(title, "dim")
            yield snippet_table(places)


def _scores(features: Sequence[p.GrepScore]) -> Table:
    grid = table(*numbers("feature", "F1", "precision", "recall", "active on"), "label")
    for score in features:
        grid.add_row(
            str(score.id),
            *map(figure, (score.f1, score.precision, score.recall)),
            f"{score.active:,}",
            one_line(score.label, "cyan"),
        )
    return grid
