"""Rows as the files that other programs read."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import msgspec

from brainsurg_tui.widgets.numbers import figure


@dataclass(frozen=True)
class Export:
    """A file that a pane offers."""

    name: str
    text: str


def json_text(value: object) -> str:
    """`value` as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value)).decode() + "\n"


def table_files(name: str, rows: Sequence[Mapping[str, object]]) -> list[Export]:
    """The same rows as `NAME.csv` and `NAME.json`."""
    out = io.StringIO()
    fields = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(out, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return [Export(f"{name}.csv", out.getvalue()), Export(f"{name}.json", json_text(rows))]


def curve_svg(
    xs: Sequence[float], ys: Sequence[float], *, title: str, width: int = 800, height: int = 400
) -> str:
    """A curve as a picture of `width` by `height` pixels, with its extremes written at the axes."""
    points = [(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(y)]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    margin = 60

    def at(x: float, y: float) -> str:
        across = (x - left) / (right - left or 1)
        up = (y - low) / (high - low or 1)
        return (
            f"{margin + across * (width - 2 * margin):.1f},"
            f"{height - margin - up * (height - 2 * margin):.1f}"
        )

    line = " ".join(at(x, y) for x, y in points)
    base = height - margin
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<rect width="100%" height="100%" fill="white"/>
<g font-family="sans-serif" font-size="13" fill="#333">
<text x="{margin}" y="30" font-size="16">{escape(title)}</text>
<text x="{margin - 8}" y="{margin + 4}" text-anchor="end">{figure(high)}</text>
<text x="{margin - 8}" y="{base + 4}" text-anchor="end">{figure(low)}</text>
<text x="{margin}" y="{base + 20}">{left:,}</text>
<text x="{width - margin}" y="{base + 20}" text-anchor="end">{right:,}</text>
</g>
<path d="M{margin},{margin} V{base} H{width - margin}" fill="none" stroke="#999"/>
<polyline points="{line}" fill="none" stroke="#b5651d" stroke-width="1.5"/>
</svg>
"""
