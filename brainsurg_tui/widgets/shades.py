"""Shades of one colour, from faint to strong, for whatever colours a terminal has."""

import math
from collections.abc import Sequence

from rich.style import Style
from textual.color import Color
from textual.widget import Widget

Shades = Sequence[Style]
"""Styles from the faintest to the strongest."""

# Sixteen colours leave no room for a scale: grey, yellow, bright yellow.
ANSI_SHADES: Shades = (
    Style(color="white", bgcolor="bright_black"),
    Style(color="black", bgcolor="yellow"),
    Style(color="black", bgcolor="bright_yellow"),
)


def shade_of(value: float, maximum: float, shades: Shades) -> Style:
    """Return the shade for `value` on the scale 0…`maximum`; none at or below 0, or for NaN."""
    if not (value > 0 and maximum > 0 and shades):
        return Style.null()
    share = min(1.0, value / maximum) if math.isfinite(value) else 1.0
    return shades[min(len(shades) - 1, int(share * len(shades)))]


def blended_shades(background: Color, accent: Color, levels: int = 6) -> Shades:
    """Return shades from just off `background` to `accent`, each with a text colour to read by."""
    colours = [background.blend(accent, level / levels) for level in range(1, levels + 1)]
    return [
        Style(color=colour.get_contrast_text(1.0).rich_color, bgcolor=colour.rich_color)
        for colour in colours
    ]


def shades_for(widget: Widget) -> Shades:
    """Return shades of the theme's accent on the widget's background, or the 16-colour ones."""
    app = widget.app
    few_colours = app.console.color_system in ("standard", "windows") and not app.is_headless
    if app.native_ansi_color or few_colours:
        return ANSI_SHADES
    accent = Color.parse(app.theme_variables["accent"])
    return blended_shades(widget.background_colors[1], accent)
