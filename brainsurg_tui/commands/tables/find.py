"""Features that were found by texts or by another feature."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from brainsurg_tui.commands.tables.parts import numbers, short_column, table, visible_text
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.panes.clamp.text import LEFT_OUT_REASONS
from brainsurg_tui.widgets.bars import sparkline
from brainsurg_tui.widgets.numbers import figure, figure_or_dash, signed
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p

_STRIP = 12
"""Cells for the activations over a prompt's tokens."""


@tables_of.register
def firing_tables(found: p.Firing) -> Iterator[RenderableType]:
    """Features of a prompt, and what each does to the next token."""
    next_token = Text.assemble("next: ", (f"{visible(found.target)!r}", "bold"))
    next_token.append(f"  logp {found.logp:.2f}")
    yield next_token
    if found.left_out:
        named = (
            f"{one.position} {visible(found.tokens[one.position])!r}"
            f" ({LEFT_OUT_REASONS[one.reason]})"
            for one in found.left_out
        )
        yield Text(f"left out: {', '.join(named)}", style="dim")
    if not found.active:
        yield "No feature is active."
        return
    titles = ("feature", "Δlogp", "KL", "attribution", "peak")
    grid = table(*numbers(*titles), short_column("at"), short_column("tokens"), "label")
    for feature in found.features:
        grid.add_row(
            str(feature.id),
            _signed(feature.effect),
            figure_or_dash(feature.kl),
            _signed(feature.attribution),
            figure(feature.activations[feature.peak]),
            Text(f"{feature.peak} {visible(found.tokens[feature.peak])!r}"),
            sparkline(feature.activations, _STRIP),
            visible_text(feature.label, "cyan"),
        )
    shown = f"{len(found.features)} of {found.active:,} active features"
    note = f"{shown}; Δlogp: once ablated; attribution: its estimate"
    yield grid
    yield Text(note, style="dim")


@tables_of.register
def contrast_tables(found: p.Contrast) -> Iterator[RenderableType]:
    """Features of two texts side by side."""
    chance = ("p", "q") if found.tested else ()
    titles = ("feature", "mean a", "mean b", "density a", "density b", "d", *chance)
    grid = table(*numbers(*titles), "label")
    for feature in found.features:
        likelihoods = (feature.p, feature.q) if found.tested else ()
        grid.add_row(
            str(feature.id),
            *map(figure, (feature.mean_a, feature.mean_b, feature.density_a, feature.density_b)),
            _signed(feature.effect),
            *map(figure_or_dash, likelihoods),
            visible_text(feature.label, "cyan"),
        )
    yield grid
    a, b = _texts(found.documents_a), _texts(found.documents_b)
    tokens = f"{found.tokens_a:,} tokens in a{a}, {found.tokens_b:,} in b{b}"
    yield Text(f"{tokens}; d: difference in pooled standard deviations", style="dim")
    if found.tested:
        yield Text(
            f"{found.significant:,} of {found.tested:,} active features have q ≤ 0.05; p: chance"
            " that texts dealt out at random are as far apart, q: share of false discoveries",
            style="dim",
        )
    elif found.documents_a > 1 or found.documents_b > 1:
        yield Text("No p: that takes several texts on either side.", style="dim")


@tables_of.register
def nearest_tables(found: p.Relatives) -> Iterator[RenderableType]:
    """Features whose decoder directions are like one's own."""
    yield from (visible_text(warning, "yellow") for warning in found.warnings)
    grid = table(*numbers("feature", "cosine"), "label")
    for relative in found.relatives:
        label = visible_text(relative.label, "cyan")
        grid.add_row(str(relative.id), f"{relative.likeness:.3f}", label)
    yield grid


def _texts(count: int) -> str:
    return f" ({count:,} texts)" if count > 1 else ""


def _signed(value: float | None) -> str:
    return "–" if value is None else signed(value)
