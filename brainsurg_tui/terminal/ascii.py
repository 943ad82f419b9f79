"""For terminals that have ASCII alone: our own signs, each given up for one that they have.

Textual has no such mode, so it is done where lines leave it. Letters of users and models stay
what they are; widgets that draw with blocks or braille are told beforehand.
"""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = {
    "·": "-",
    "×": "x",
    "−–─▔": "-",
    "━": "=",
    "…": "~",
    "“”": '"',
    "▸→": ">",
    "←": "<",
    "↑▲": "^",
    "↓▼": "v",
    "Δ": "d",
    "‖│▌▎▊": "|",
    "●•★": "*",
    "✓": "+",
    "✗": "!",
    "╭╮╰╯┌┐└┘": "+",
    "▁▂▃▄▅▆▇█": "_",
    "⏎": "E",
    "␣": "_",
}
_TABLE = str.maketrans({sign: plain for signs, plain in _SIGNS.items() for sign in signs})


class AsciiSigns(LineFilter):
    """Writes signs as ASCII, cell by cell."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace every sign that is not ASCII by one that is."""
        return [
            Segment(text.translate(_TABLE), style, control) for text, style, control in segments
        ]
