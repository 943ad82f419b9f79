"""Shades of one colour, from faint to strong, for whatever colours a terminal has."""

import math
from collections.abc import Sequence
from functools import cache

from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.style import Style
from textual.color import Color, Lab, rgb_to_lab
from textual.widget import Widget

Shades = Sequence[Style]
"""Styles from the faintest to the strongest."""


_FIRST_GREY = 232
"""Of 256 colours the last 24 are greys."""


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
    return [_ground(colour) for colour in _blends(background, accent, levels)]


@cache
def palette_shades(background: Color, accent: Color, levels: int = 6) -> Shades:
    """Return shades like `blended_shades` among 256 colours, fewer where two come to one colour.

    Rich takes a colour to its nearest channel by channel, which makes of an amber that grows
    stronger a red, an olive and a mauve.
    """
    nearest = [
        min(_palette(), key=lambda number: math.dist(_palette()[number], rgb_to_lab(blend)))
        for blend in _blends(background, accent, levels)
    ]
    return [_ground(_color_behind(number)) for number in dict.fromkeys(nearest)]


def _blends(background: Color, accent: Color, levels: int) -> list[Color]:
    return [background.blend(accent, level / levels) for level in range(1, levels + 1)]


def _ground(colour: Color) -> Style:
    return Style(color=colour.get_contrast_text(1.0).rich_color, bgcolor=colour.rich_color)


@cache
def _palette() -> dict[int, Lab]:
    """The numbers of the colours that Rich can be brought to, and what these look like."""
    seen = {n: Color(*RichColor.from_ansi(n).get_truecolor()) for n in range(16, 256)}
    return {
        number: rgb_to_lab(colour)
        for number, colour in seen.items()
        if _nearest_number(_color_behind(number)) == number
    }


def _color_behind(number: int) -> Color:
    """What Rich takes to the colour of this number: a grey's place among the greys, or itself."""
    if number < _FIRST_GREY:
        return Color(*RichColor.from_ansi(number).get_truecolor())
    grey = round(255 * (number - _FIRST_GREY + 1) / 25)
    return Color(grey, grey, grey)


def _nearest_number(colour: Color) -> int | None:
    return colour.rich_color.downgrade(ColorSystem.EIGHT_BIT).number


def shades_for(widget: Widget) -> Shades:
    """Return shades from the widget's background to the theme's accent, as far as colours go."""
    app = widget.app
    if app.native_ansi_color:
        return ANSI_SHADES
    if app.console.color_system in ("standard", "windows") and not app.is_headless:
        return _SIXTEEN_COLOUR_SHADES
    background, accent = widget.background_colors[1], Color.parse(app.theme_variables["accent"])
    if app.console.color_system == "256":
        return palette_shades(background, accent)
    return blended_shades(background, accent)
