"""Drawings of a clamp's report as SVG: a measure over strengths, and KL token by token."""

import math
from collections.abc import Sequence
from html import escape

from brainsurg_tui.widgets.numbers import figure
from engine.service.protocol import Curve, CurveMeasure

_WIDTH, _HEIGHT, _MARGIN = 640, 300, 56
_EDIT, _NULLS, _ONSET, _BREAKING = "#b5651d", "#9bb7d4", "#3c8d40", "#b03030"


def measure_svg(curve: Curve, measure: CurveMeasure) -> str:
    """A measure over strengths: a line in the band of the nulls, with marks where it leaves that
    and where the text breaks down. Figures that are not finite are left out."""
    known = [
        place
        for place, value in enumerate(measure.values)
        if all(map(math.isfinite, (value, *_band_at(measure, place))))
    ]
    if not known:
        return ""
    xs = [curve.strengths[place] for place in known]
    ys = [0.0, *(measure.values[place] for place in known)]
    ys += [y for place in known for y in _band_at(measure, place)]
    left, right, low, high = min(xs), max(xs), min(ys), max(ys)

    def at(x: float, y: float) -> str:
        across = (x - left) / (right - left or 1)
        up = (y - low) / (high - low or 1)
        return (
            f"{_MARGIN + across * (_WIDTH - 2 * _MARGIN):.1f},"
            f"{_HEIGHT - _MARGIN - up * (_HEIGHT - 2 * _MARGIN):.1f}"
        )

    line = " ".join(at(curve.strengths[place], measure.values[place]) for place in known)
    band = ""
    if measure.low:
        there = [at(curve.strengths[place], measure.low[place]) for place in known]
        back = [at(curve.strengths[place], measure.high[place]) for place in reversed(known)]
        band = f'<polygon points="{" ".join([*there, *back])}" fill="{_NULLS}" opacity="0.5"/>'
    marks = [
        f'<line x1="{x}" x2="{x}" y1="{_MARGIN}" y2="{_HEIGHT - _MARGIN}" stroke="{colour}" '
        f'stroke-dasharray="4 3"/><text x="{x}" y="{_MARGIN - 6}" text-anchor="middle" '
        f'fill="{colour}">{name}</text>'
        for name, strength, colour in (
            ("onset", measure.onset, _ONSET),
            ("text breaks down", curve.breaking, _BREAKING),
        )
        if strength is not None and left <= strength <= right
        for x in [at(strength, low).partition(",")[0]]
    ]
    zero = at(left, 0.0).partition(",")[2]
    base = _HEIGHT - _MARGIN
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">
<g font-family="sans-serif" font-size="12" fill="#444">
<text x="{_MARGIN}" y="18" font-size="14">{escape(f"{measure.measure}, {measure.unit}")}</text>
<text x="{_MARGIN - 6}" y="{_MARGIN + 4}" text-anchor="end">{figure(high)}</text>
<text x="{_MARGIN - 6}" y="{base + 4}" text-anchor="end">{figure(low)}</text>
<text x="{_MARGIN}" y="{base + 18}">{left:g}</text>
<text x="{_WIDTH - _MARGIN}" y="{base + 18}" text-anchor="end">{right:g}</text>
</g>
<path d="M{_MARGIN},{_MARGIN} V{base} H{_WIDTH - _MARGIN}" fill="none" stroke="#999"/>
<path d="M{_MARGIN},{zero} H{_WIDTH - _MARGIN}" stroke="#ccc"/>
{band}
<polyline points="{line}" fill="none" stroke="{_EDIT}" stroke-width="1.8"/>
<g font-family="sans-serif" font-size="12">{"".join(marks)}</g>
</svg>"""


def strip_svg(values: Sequence[float], tokens: Sequence[str]) -> str:
    """A box for each token, the darker the larger its value; which one, and how large, is said
    where a pointer rests on it."""
    largest = max((value for value in values if math.isfinite(value)), default=0.0)
    boxes = [
        f'<rect x="{12 * place}" width="11" height="18" fill="{_EDIT}" '
        f'fill-opacity="{max(0.04, value / largest if largest > 0 else 0):.3f}">'
        f"<title>{escape(repr(token))} {figure(value)}</title></rect>"
        for place, (value, token) in enumerate(zip(values, tokens, strict=False))
        if math.isfinite(value)
    ]
    width = 12 * max(1, len(values))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 18" width="{width}" '
        f'height="18" role="img">{"".join(boxes)}</svg>'
    )


def _band_at(measure: CurveMeasure, place: int) -> list[float]:
    return [edge[place] for edge in (measure.low, measure.high) if edge]
