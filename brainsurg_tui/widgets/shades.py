"""Shades of one colour, from faint to strong, for whatever colours a terminal has."""

import math
from collections.abc import Sequence

from rich.style import Style
from textual.color import Color
from textual.widget import Widget

Shades = Sequence[Style]
"""Styles from the faintest to the strongest."""


def _heat(black: str, yellow: str, red: str) -> Shades:
    return (
        Style(color=yellow),
        Style(color=black, bgcolor=yellow),
        Style(color=black, bgcolor=red),
    )


# Of sixteen colours only the first eight are what they are called in every terminal's palette.
ANSI_SHADES = _heat("black", "yellow", "red")
"""Shades in the terminal's own colours."""

# A theme's colours pass through Rich, which takes exactly these to black, yellow and red.
_SIXTEEN_COLOUR_SHADES = _heat("#000000", "#aa5500", "#aa0000")


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
    """Return shades from the widget's background to the theme's accent, as far as colours go."""
    app = widget.app
    if app.native_ansi_color:
        return ANSI_SHADES
    if app.console.color_system in ("standard", "windows") and not app.is_headless:
        return _SIXTEEN_COLOUR_SHADES
    accent = Color.parse(app.theme_variables["accent"])
    return blended_shades(widget.background_colors[1], accent)
