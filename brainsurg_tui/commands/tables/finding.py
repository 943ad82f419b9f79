"""Features that were found by texts or by another feature."""

from rich.console import Group, RenderableType
from rich.text import Text

from brainsurg_tui.commands.tables.parts import foreign, numbers, table, whole
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
    titles = ("feature", "Δlogp", "KL", "attribution", "peak")
    made = table(*numbers(*titles), whole("at"), whole("tokens"), "label")
    for feature in found.features:
        made.add_row(
            str(feature.id),
            _signed(feature.effect),
            "–" if feature.kl is None else figure(feature.kl),
            _signed(feature.attribution),
            figure(feature.activations[feature.peak]),
            Text(f"{feature.peak} {visible(found.tokens[feature.peak])!r}"),
            sparkline(feature.activations, _STRIP),
            foreign(feature.label, "cyan"),
        )
    shown = f"{len(found.features)} of {found.active:,} active features"
    note = f"{shown}; Δlogp: once ablated; attribution: its estimate"
    return Group(next_token, made, Text(note, style="dim"))


def contrast(found: p.Contrast) -> RenderableType:
    """Features of two texts side by side."""
    titles = ("feature", "mean a", "mean b", "density a", "density b", "d")
    made = table(*numbers(*titles), "label")
    for feature in found.features:
        made.add_row(
            str(feature.id),
            *map(figure, (feature.mean_a, feature.mean_b, feature.density_a, feature.density_b)),
            _signed(feature.effect),
            foreign(feature.label, "cyan"),
        )
    tokens = f"{found.tokens_a:,} tokens in a, {found.tokens_b:,} in b"
    note = f"{tokens}; d: difference in pooled standard deviations"
    return Group(made, Text(note, style="dim"))


def relatives(found: p.Relatives) -> RenderableType:
    """Features like another one."""
    made = table(*numbers("feature", "cosine"), "label")
    for relative in found.relatives:
        label = foreign(relative.label, "cyan")
        made.add_row(str(relative.id), f"{relative.likeness:.3f}", label)
    return Group(*(foreign(warning, "yellow") for warning in found.warnings), made)


def _signed(value: float | None) -> str:
    if value is None:
        return "–"
    return f"+{figure(value)}" if value > 0 else figure(value)
