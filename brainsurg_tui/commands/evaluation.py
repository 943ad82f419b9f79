"""How the command line shows an SAE's figures."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from brainsurg_tui.widgets.numbers import figure, seconds
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p

_BAR = 30

_SPLITS = {
    "held_out": "the documents held out of {}",
    "trained_on": "all of {}, which it was trained on",
    "all": "all of {}",
}


def evaluation(made: p.EvaluateResult) -> RenderableType:
    """The figures in three groups: on activations, of the decoder, inside the model."""
    parts: list[RenderableType] = [
        Text(visible(made.sae), style="bold"),
        Text(
            f"{made.vectors:,} vectors, {_SPLITS[made.split].format(visible(made.activations))};"
            f" {seconds(made.seconds)}",
            style="dim",
        ),
        _pairs(
            {
                "explained variance": made.explained_variance,
                "fvu": made.fvu,
                "mse": made.mse,
                "cosine": made.cosine,
                "‖x̂‖ / ‖x‖": made.norm_ratio,
                "L0": made.l0,
                "more than in training": made.l0_gap,
                "dead features": made.dead_fraction,
                "nearest decoder direction, mean cosine": made.mean_decoder_cosine,
                "nearest decoder direction, largest": made.max_decoder_cosine,
            }
        ),
    ]
    if made.predictions is not None:
        parts.append(Text(f"in the model, {made.predictions:,} predictions", style="dim"))
        parts.append(
            _pairs(
                {
                    "CE score": made.ce_score,
                    "ΔCE": made.delta_ce,
                    "KL": made.kl,
                    "CE clean": made.ce_clean,
                    "CE with the SAE": made.ce_sae,
                    "CE with zero": made.ce_zero,
                }
            )
        )
    if made.histogram is not None:
        parts += [Text("features by log10 of their density", style="dim"), _bars(made.histogram)]
    return Group(*parts)


def _pairs(rows: dict[str, float | None]) -> Table:
    table = _table()
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), "–" if value is None else figure(value))
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
