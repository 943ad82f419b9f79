"""How the command line shows features that were found."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from brainsurg_tui.widgets.bars import sparkline
from brainsurg_tui.widgets.numbers import figure
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p

_STRIP = 12
"""Cells for the activations over a prompt's tokens."""


def firing(found: p.Firing) -> RenderableType:
    """Features of a prompt, and what each does to the next token."""
    next_token = Text.assemble("next: ", (f"{visible(found.target)!r}", "bold"))
    next_token.append(f"  logp {found.logp:.2f}")
    if not found.active:
        return Group(next_token, "No feature is active.")
    titles = ("feature", "Δlogp", "KL", "attribution", "peak", "at", "tokens", "label")
    table = _table(*titles, numbers=5)
    for feature in found.features:
        table.add_row(
            str(feature.id),
            _signed(feature.effect),
            "–" if feature.kl is None else figure(feature.kl),
            _signed(feature.attribution),
            figure(feature.activations[feature.peak]),
            Text(f"{feature.peak} {visible(found.tokens[feature.peak])!r}"),
            sparkline(feature.activations, _STRIP),
            _text(feature.label, "cyan"),
        )
    shown = f"{len(found.features)} of {found.active:,} active features; Δlogp: once ablated"
    return Group(next_token, table, Text(shown, style="dim"))


def contrast(found: p.Contrast) -> RenderableType:
    """Features of two texts side by side."""
    titles = ("feature", "mean a", "mean b", "density a", "density b", "d", "label")
    table = _table(*titles, numbers=6)
    for feature in found.features:
        table.add_row(
            str(feature.id),
            *map(figure, (feature.mean_a, feature.mean_b, feature.density_a, feature.density_b)),
            _signed(feature.effect),
            _text(feature.label, "cyan"),
        )
    tokens = f"{found.tokens_a:,} tokens in a, {found.tokens_b:,} in b"
    note = f"{tokens}; d: difference in pooled standard deviations"
    return Group(table, Text(note, style="dim"))


def relatives(found: p.Relatives) -> RenderableType:
    """Features like another one."""
    table = _table("feature", "cosine", "label", numbers=2)
    for relative in found.relatives:
        label = _text(relative.label, "cyan")
        table.add_row(str(relative.id), f"{relative.likeness:.3f}", label)
    return Group(*(_text(warning, "yellow") for warning in found.warnings), table)


def _table(*titles: str, numbers: int) -> Table:
    """The first columns hold `numbers`; the last is wrapped where there is no room."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for index, title in enumerate(titles):
        table.add_column(
            title,
            justify="right" if index < numbers else "left",
            no_wrap=index < len(titles) - 1,
            overflow="ellipsis",
        )
    return table


def _signed(value: float | None) -> str:
    if value is None:
        return "–"
    return f"+{figure(value)}" if value > 0 else figure(value)


def _text(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style)
