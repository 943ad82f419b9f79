"""How the command line shows one feature, and where a pattern matches."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from brainsurg_tui.widgets.bars import BLOCKS
from brainsurg_tui.widgets.numbers import figure
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p


def about(feature: p.FeatureDetail) -> Iterator[RenderableType]:
    """A feature's figures, notes, histogram, categories and tokens."""
    head = Text(f"feature {feature.id}", "bold")
    if feature.starred:
        head.append(" ★", "yellow")
    for text, style in ((feature.label, "cyan"), *((f"#{tag}", "dim") for tag in feature.tags)):
        if text:
            head.append("  ").append(visible(text), style)
    yield head
    if feature.note:
        yield Text(visible(feature.note), "italic")
    yield Text(
        f"max {figure(feature.max)}  mean {figure(feature.mean)}  std {figure(feature.std)}\n"
        f"active on {feature.count:,} tokens ({figure(100 * feature.density)} %)"
        f" in {feature.documents:,} documents"
    )
    if feature.histogram is not None and feature.count:
        yield histogram(feature.histogram)
    if feature.activity:
        yield ""
        yield from _activity(feature)
    yield ""
    for name, tokens in (("promotes", feature.promoted), ("suppresses", feature.suppressed)):
        if tokens:
            listed = "  ".join(visible(token) for token in tokens)
            yield Text.assemble((f"{name:10}  ", "dim"), listed)


def histogram(found: p.Histogram) -> Text:
    """How often activations of each size occur: a line of blocks from the smallest to the largest.

    A column's height is its share of the highest; a bin that isn't empty has a block at least.
    """
    filled = [index for index, count in enumerate(found.counts) if count]
    first, last = filled[0], filled[-1] + 1
    highest = max(found.counts)
    columns = "".join(
        BLOCKS[(len(BLOCKS) * count - 1) // highest] if count else " "
        for count in found.counts[first:last]
    )
    return Text.assemble(
        (f"{figure(found.edges[first])} ", "dim"),
        columns,
        (f" {figure(found.edges[last])}", "dim"),
    )


def coactive(found: p.Relatives) -> Iterator[RenderableType]:
    """The features that are active on the same tokens."""
    if not found.relatives:
        return
    table = _table("active with", "Jaccard", "given this", "given that", "label", numbers=4)
    for relative in found.relatives:
        table.add_row(
            str(relative.id),
            *(
                "–" if share is None else figure(share)
                for share in (relative.likeness, relative.given_this, relative.given_other)
            ),
            Text(visible(relative.label), "cyan"),
        )
    yield ""
    yield table


def examples(
    request: p.GetSnippets, found: Sequence[p.Snippet], textless: str
) -> Iterator[RenderableType]:
    """Snippets of the kind that was asked for, or why there are none."""
    titles = {
        "top": "strongest examples",
        "band": f"tenth {request.band} of its activations, 0 being the weakest",
        "silent": "silent on a token like those at its peaks",
    }
    yield ""
    yield Text(titles[request.kind], "dim")
    yield _snippets(found) if found else Text(visible(textless))


def grep(report: p.GrepReport) -> Iterator[RenderableType]:
    """Where a pattern matches, and the features, or the places, that this concerns."""
    looked_at = f"{report.documents:,} documents"
    if report.documents < report.total_documents:
        looked_at = f"a random {report.documents:,} of {report.total_documents:,} documents"
    yield Text(
        f"{report.matches:,} matches, {report.matched_tokens:,} of {report.tokens:,} tokens"
        f" in {looked_at}"
    )
    if report.features:
        yield _scores(report.features)
    for title, places in (
        ("matches in which it is active", report.hits),
        ("matches in which it is silent", report.misses),
        ("active outside of all matches", report.false_alarms),
    ):
        if places:
            yield ""
            yield Text(title, "dim")
            yield _snippets(places)


def _scores(features: Sequence[p.GrepScore]) -> Table:
    table = _table("feature", "F1", "precision", "recall", "active on", "label", numbers=5)
    for score in features:
        table.add_row(
            str(score.id),
            *map(figure, (score.f1, score.precision, score.recall)),
            f"{score.active:,}",
            Text(visible(score.label), "cyan"),
        )
    return table


def _activity(feature: p.FeatureDetail) -> Iterator[RenderableType]:
    table = _table("category", "mean", "density", numbers=0)
    for row in sorted(feature.activity, key=lambda each: -each.mean):
        style = "bold" if row.category == feature.category else ""
        table.add_row(Text(visible(row.category), style), figure(row.mean), figure(row.density))
    yield table
    if feature.selectivity is not None:
        yield Text(f"selectivity {figure(feature.selectivity)}")


def _snippets(found: Sequence[p.Snippet]) -> Table:
    """A line each, or more: the activation at the place, and the text around it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for snippet in found:
        table.add_row(figure(snippet.activations[snippet.peak]), _marked(snippet))
    return table


def _marked(snippet: p.Snippet) -> Text:
    """Its text; where activations aren't known, it is dim."""
    first, last = snippet.known or (0, len(snippet.tokens))
    text = Text()
    for index, (token, value) in enumerate(zip(snippet.tokens, snippet.activations, strict=True)):
        style = "yellow" if value > 0 else "" if first <= index < last else "dim"
        text.append(visible(token), "bold reverse" if index == snippet.peak else style)
    return text


def _table(*titles: str, numbers: int) -> Table:
    """The first `numbers` columns are numbers; without any, all but the first are."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for index, title in enumerate(titles):
        right = index < numbers if numbers else index > 0
        table.add_column(
            title, justify="right" if right else "left", no_wrap=True, overflow="ellipsis"
        )
    return table
