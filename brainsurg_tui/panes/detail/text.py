"""One feature in words and bars: what was written down, figures, histogram, categories, tokens."""

from rich.text import Text

from brainsurg_tui.widgets.bars import progress_bar
from brainsurg_tui.widgets.cells import fit
from brainsurg_tui.widgets.histogram import columns_of
from brainsurg_tui.widgets.numbers import column_format, count_or_figure, figure
from brainsurg_tui.widgets.visible import token_name, visible
from engine.service.protocol import FeatureDetail, Histogram, Note

_NAME = 12
"""Cells for the name of a category."""


def facts(detail: FeatureDetail, *, ascii_only: bool = False) -> Text:
    """The figures that the title leaves out, and the tokens it makes likelier, in three lines."""
    text = _line(
        [
            f"density {figure(detail.density)}",
            f"{detail.documents:,} documents",
            f"mean {figure(detail.mean)}",
            *_preference(detail, ascii_only),
        ]
    )
    return Text("\n").join(filter(None, [text, tokens(detail, ascii_only=ascii_only)]))


def figures(detail: FeatureDetail) -> Text:
    """The figures that the title leaves out, in a line."""
    others = detail.other_figures or {}
    return _line(
        [
            f"mean {figure(detail.mean)}",
            f"std {figure(detail.std)}",
            f"density {figure(detail.density)}",
            f"{detail.count:,} tokens",
            f"{detail.documents:,} documents",
            *(f"{name} {count_or_figure(value)}" for name, value in others.items()),
        ]
    )


def headline(detail: FeatureDetail, *, ascii_only: bool = False) -> str:
    """A feature's preferred category and maximum, for the title of its sheet."""
    return " · ".join([*_preference(detail, ascii_only), f"max {figure(detail.max)}"])


def _line(parts: list[str]) -> Text:
    return Text(" · ".join(parts), "dim", no_wrap=True, overflow="ellipsis")


def _preference(detail: FeatureDetail, ascii_only: bool) -> list[str]:
    if detail.selectivity is None:
        return []
    category = visible(detail.category, ascii_only=ascii_only)
    return [f"prefers {category} ({figure(detail.selectivity)})"]


def annotation_line(note: Note, keys: str, accent: str, *, ascii_only: bool = False) -> Text:
    """Star, label, tags and note in a line; where there is nothing, the keys that write it."""
    parts = []
    if note.starred:
        parts.append(Text("★", accent))
    if note.label:
        parts.append(Text(visible(note.label, ascii_only=ascii_only), "bold"))
    if note.tags:
        parts.append(Text(visible(" ".join(f"#{tag}" for tag in note.tags)), accent))
    if note.text:
        parts.append(Text(visible(note.text, ascii_only=ascii_only)))
    text = Text("  ").join(parts) if parts else Text(keys, "dim")
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def tokens(detail: FeatureDetail, *, ascii_only: bool = False) -> Text:
    """The tokens that a feature's direction makes likelier and unlikelier to come next, a line
    each."""
    lines = []
    for title, found in (("promotes  ", detail.promoted), ("suppresses", detail.suppressed)):
        if found:
            shown = "  ".join(token_name(token, ascii_only=ascii_only) for token in found)
            lines.append(Text.assemble((f"{title}  ", "dim"), shown))
    return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)


def histogram(
    found: Histogram | None, width: int, height: int, accent: str, *, ascii_only: bool = False
) -> Text:
    """How often activations of each size occur: bars, and under them the sizes."""
    filled = [bin for bin, count in enumerate(found.counts) if count] if found else []
    if found is None or not filled or width < 1 or height < 3:
        return Text()
    first, last = filled[0], filled[-1]
    counts = found.counts[first : last + 1]
    most = max(counts)
    title = f"activations · highest bar {most:,} token{'' if most == 1 else 's'}"
    bars = columns_of(counts, width, height - 2, ascii_only=ascii_only)
    low, high = figure(found.edges[first]), figure(found.edges[last + 1])
    axis = low + high.rjust(max(len(bars[0]), len(low) + len(high) + 1) - len(low))
    return Text.assemble(
        (f"{title}\n", "dim"), ("\n".join(bars), accent), (f"\n{axis}", "dim"), no_wrap=True
    )


def activity(
    detail: FeatureDetail, width: int, height: int, accent: str, *, ascii_only: bool = False
) -> Text:
    """How active a feature is in each category, the most active first, a bar each."""
    found = sorted(detail.activity, key=lambda kind: -kind.mean)[: max(0, height - 1)]
    if not found:
        return Text()
    largest = max(kind.mean for kind in found) or 1
    mean = column_format(largest)
    density = column_format(max(kind.density for kind in found))
    room = max(1, width - _NAME - 2 * 9)
    text = Text(
        f"{fit('category', _NAME)} {'':{room}} {'mean':>7} {'density':>8}", "dim", no_wrap=True
    )
    for kind in found:
        name = fit(visible(kind.category, ascii_only=ascii_only), _NAME)
        bar = progress_bar(kind.mean / largest, room, filled=accent, ascii_only=ascii_only)
        text.append(f"\n{name} ", "not dim").append_text(bar)
        text.append(f" {mean(kind.mean):>7} {density(kind.density):>8}", "not dim")
    return text
