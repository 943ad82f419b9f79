"""Rows as the files that other programs read."""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import count
from pathlib import Path

import msgspec

from brainsurg_tui.widgets.numbers import figure

_LIVE = re.compile("'*[=+\\-@\uff1d\uff0b\uff0d\uff20\\t\\r\\n]")
"""How a cell begins that spreadsheets take for a formula, quotes that we or others have put before
it included. Full-width signs count for those that are set to Chinese or Japanese."""
_MARKUP = re.compile(r"[\\`*_~|\[\]@]|:(?=//)|(?<=\w)\.(?=\w)")
"""What makes links, images and emphasis in Markdown, in which a bare address is a link, too."""


@dataclass(frozen=True)
class Export:
    """A file that a pane offers."""

    name: str
    text: str


def under_free_names(files: Sequence[Export], folder: Path) -> list[Export]:
    """Files of one thing under names that are free in a folder, which need not be there: where one
    is taken, all get the same number, `loss-r1.csv` as `loss-r1-2.csv`."""
    taken = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    for number in count(1):
        named = [replace(file, name=_numbered(file.name, number)) for file in files]
        if taken.isdisjoint(file.name for file in named):
            break
    return named


def _numbered(name: str, number: int) -> str:
    stem, dot, extension = name.rpartition(".")
    return name if number == 1 else f"{stem}-{number}{dot}{extension}"


def json_text(value: object) -> str:
    """`value` as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value)).decode() + "\n"


def table_files(
    name: str, rows: Sequence[Mapping[str, object]], *, title: str = ""
) -> list[Export]:
    """The same rows as `NAME.csv`, `NAME.json` and, under a title, `NAME.md`."""
    files = [Export(f"{name}.csv", csv_text(rows)), Export(f"{name}.json", json_text(rows))]
    return [*files, Export(f"{name}.md", markdown_text(rows, title))] if title else files


def csv_text(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as CSV under the names of their columns; several values in one cell have spaces between
    them.

    A text that a spreadsheet would run as a formula gets a quote before it (`'=A1`), by which it is
    shown as it is; `plain_cell` takes that off again.
    """
    out = _UnixLines()
    # csv quotes a cell with "\r" in it, which ends a row to many readers, only where rows end so
    writer = csv.DictWriter(out, _fields(rows), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({key: _inert_cell(_join(value)) for key, value in row.items()} for row in rows)
    return out.getvalue()


class _UnixLines(io.StringIO):
    """A text of rows, each written with "\\r\\n" at its end and kept with "\\n"."""

    def write(self, row: str) -> int:
        """Add one row."""
        return super().write(row.removesuffix("\r\n") + "\n")


def plain_cell(cell: str) -> str:
    """The text of a cell that `csv_text` wrote, without the quote before a formula."""
    return cell[1:] if cell.startswith("'") and _LIVE.match(cell) else cell


def _inert_cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and _LIVE.match(value) else value


def markdown_text(rows: Sequence[Mapping[str, object]], title: str) -> str:
    """Rows as a table in Markdown, figures to three digits. Texts are shown as they are: nothing in
    them becomes a link, a picture or HTML."""
    fields = _fields(rows)
    lines = [
        f"# {_inert_markdown(title)}",
        "",
        _markdown_row(fields),
        _markdown_row("---" for _ in fields),
    ]
    lines += [_markdown_row(_readable(row.get(field, "")) for field in fields) for row in rows]
    return "\n".join(lines) + "\n"


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _readable(value: object) -> str:
    if isinstance(value, bool):
        return "★" if value else ""
    return figure(value) if isinstance(value, float) else _inert_markdown(str(_join(value)))


def _inert_markdown(text: str) -> str:
    return " ".join(escape(_MARKUP.sub(r"\\\g<0>", text), quote=False).split())


def _join(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _fields(rows: Sequence[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


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
