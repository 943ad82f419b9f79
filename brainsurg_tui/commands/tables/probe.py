"""How well labels of texts are told from features, beside what else tells them."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from brainsurg_tui.commands.tables.parts import numbers, table, visible_text
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.widgets.numbers import seconds
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p


@tables_of.register
def probe_tables(result: p.ProbeResult) -> Iterator[RenderableType]:
    """The labels, every way to tell them beside chance, and the best single features."""
    yield visible_text(f"{result.sae} at {result.site} of {result.model}", "bold")
    counts = ", ".join(f"{visible(each.label)} {each.texts:,}" for each in result.labels)
    yield Text(
        f"{result.fitted + result.tested:,} texts ({counts}), {result.tokens:,} tokens,"
        f" {result.pool} of each text; {seconds(result.seconds)}",
        style="dim",
    )
    yield _ways(result)
    yield Text(
        f"mean±sd over {_times(result.splits, 'split')}, {result.tested:,} texts held out of each;"
        " balanced: accuracy with labels weighted alike;"
        f" null: balanced, {_times(result.nulls, 'time')} with the labels shuffled"
        + ("; *: one label from all others" if len(result.labels) > 2 else ""),
        style="dim",
    )
    yield _features(result)


def _ways(result: p.ProbeResult) -> Table:
    grid = table("", *numbers("balanced", "AUC", "F1", "accuracy", "null"))
    mark = "*" if len(result.labels) > 2 else ""
    ways = {
        f"best single feature{mark}": result.best_feature,
        **{_times(probe.k, "feature"): probe for probe in result.curve},
        "activations, logistic": result.raw,
        "activations, means": result.mean_difference,
        "commonest label": result.majority,
    }
    for title, probe in ways.items():
        grid.add_row(
            Text(title, no_wrap=True),
            *_spreads(probe.held_out),
            "–" if probe.null is None else _spread(probe.null.balanced_accuracy),
        )
    return grid


def _features(result: p.ProbeResult) -> Table:
    grid = table(*numbers("feature", "balanced", "AUC", "F1", "accuracy", "splits"), "tells")
    for feature in result.features:
        grid.add_row(
            str(feature.id),
            *_spreads(feature.held_out),
            f"{feature.chosen}/{result.splits}",
            visible_text(feature.tells, "cyan"),
        )
    return grid


def _spreads(scores: p.ProbeScores) -> list[str]:
    return [*map(_spread, (scores.balanced_accuracy, scores.auc, scores.f1, scores.accuracy))]


def _spread(measured: p.Spread) -> str:
    mean, sd = (None if value is None else f"{value:.2f}" for value in (measured.mean, measured.sd))
    return (mean or "–") if sd is None else f"{mean}±{sd}"


def _times(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
