"""How good an SAE is."""

from collections.abc import Iterator, Mapping

from msgspec import structs
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from brainsurg_tui.commands.tables.parts import visible_text
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.commands.tables.rows import sinks_line
from brainsurg_tui.widgets.numbers import figure_or_dash, quantity, seconds
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p

_BAR = 30

_SPLITS = {
    "held_out": "the documents held out of {}",
    "trained_on": "all of {}, which it was trained on",
    "all": "all of {}",
}
_ON_ACTIVATIONS = {
    "loss": "loss at the end of training",
    "explained_variance": "explained variance",
    "fvu": "fvu",
    "mse": "mse",
    "cosine": "cosine",
    "norm_ratio": "‖x̂‖ / ‖x‖",
    "l0": "L0",
    "l0_gap": "L0 above that in training",
    "dead_fraction": "dead features",
    "mean_decoder_cosine": "nearest decoder direction, mean cosine",
    "max_decoder_cosine": "nearest decoder direction, largest",
}
_IN_THE_MODEL = {
    "ce_score": "CE score",
    "delta_ce": "ΔCE",
    "kl": "KL",
    "ce_clean": "CE clean",
    "ce_sae": "CE with the SAE",
    "ce_zero": "CE with zero",
}
"""Figures by their names in a result, and what they are called, in their order."""


@tables_of.register
def evaluation_tables(result: p.EvaluateResult) -> Iterator[RenderableType]:
    """The figures in three groups: on activations, of the decoder, inside the model."""
    yield visible_text(result.sae, "bold")
    split = _SPLITS[result.split].format(visible(result.activations))
    if result.target is not None:
        split += f", predicting {visible(result.target)}"
    yield Text(f"{result.vectors:,} vectors, {split}; {seconds(result.seconds)}", style="dim")
    yield from sinks_line(result.row_summary, keep_sinks=result.keep_sinks)
    yield from _figures(structs.asdict(result), result.predictions, result.stated.figures)
    if result.stated.figures:
        where = visible(result.stated.where)
        yield Text(f"stated: in {where}, by its publisher. {result.stated.protocol}", style="dim")
    if result.histogram is not None:
        yield Text("features by log10 of their density", style="dim")
        yield _bars(result.histogram)


@tables_of.register
def training_tables(result: p.TrainResult) -> Iterator[RenderableType]:
    """What was trained and how fast, and the figures that were measured when it was saved."""
    yield visible_text(result.name, "bold")
    yield Text(f"{result.arch}, {result.d_in:,} → {result.d_sae:,} features", style="dim")
    speed = f"{quantity(result.tokens_per_second)} tokens/s"
    yield Text(f"{result.steps:,} steps, {result.tokens:,} tokens, {speed}", style="dim")
    vectors = result.metrics.get("vectors")
    if vectors is not None:
        yield Text(f"measured on {vectors:,.0f} vectors", style="dim")
    yield from sinks_line(result.row_summary, keep_sinks=result.keep_sinks)
    predictions = result.metrics.get("predictions")
    yield from _figures(result.metrics, None if predictions is None else int(predictions))


def _figures(
    figures: Mapping[str, float | None],
    predictions: int | None,
    stated: Mapping[str, p.Figure] | None = None,
) -> Iterator[RenderableType]:
    stated = stated or {}
    yield _pairs(figures, _ON_ACTIVATIONS, stated)
    if predictions is not None or stated.keys() & _IN_THE_MODEL.keys():
        measured = "not measured here" if predictions is None else f"{predictions:,} predictions"
        yield Text(f"in the model, {measured}", style="dim")
        yield _pairs(figures, _IN_THE_MODEL, stated)


def _pairs(
    figures: Mapping[str, float | None],
    titles: Mapping[str, str],
    stated: Mapping[str, p.Figure],
) -> Table:
    """Those of the figures that have a title, and beside each what is stated of the SAE; a dash is
    for what isn't known."""
    table = _table()
    if stated.keys() & titles.keys():
        table.add_row("", Text("ours", style="dim"), Text("stated", style="dim"))
    for name, title in titles.items():
        if name in figures:
            theirs = figure_or_dash(stated[name]) if name in stated else ""
            table.add_row(Text(title, style="dim"), figure_or_dash(figures[name]), theirs)
    return table


def _bars(histogram: p.DensityHistogram) -> Table:
    """A line for every bin from the first to the last that is not empty."""
    table = _table()
    table.add_row(Text("dead", style="dim"), f"{histogram.dead:,}")
    filled = [place for place, count in enumerate(histogram.counts) if count]
    most = max(histogram.counts)
    for place in range(filled[0], filled[-1] + 1) if filled else ():
        count = histogram.counts[place]
        low, high = histogram.edges[place : place + 2]
        bar = "▓" * round(_BAR * count / most)
        table.add_row(Text(f"{low:.2f} to {high:.2f}", style="dim"), f"{count:,}", bar)
    return table


def _table() -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    return table
