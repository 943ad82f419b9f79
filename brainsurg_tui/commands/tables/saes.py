"""SAEs side by side."""

from rich.table import Table

from brainsurg_tui.commands.tables.parts import numbers, table, visible_text
from brainsurg_tui.widgets.numbers import figure_or_dash
from engine.service import protocol as p

_METRICS = {"mse": "mse", "fvu": "fvu", "cosine": "cosine", "l0": "L0", "dead_fraction": "dead"}
"""The metrics that fit beside each other on 80 columns, and their titles."""


def sae_table(rows: list[p.SAEInfo]) -> Table:
    """What they are, and how well they reconstruct."""
    grid = table("sae", *numbers("width", *_METRICS.values()))
    for sae in rows:
        figures = [figure_or_dash(sae.metrics.get(metric)) for metric in _METRICS]
        grid.add_row(visible_text(sae.name), f"{sae.d_sae:,}", *figures)
    return grid
