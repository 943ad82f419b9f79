"""All that is known of one feature."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from brainsurg_tui.commands.tables.features import heading, logit_effects
from brainsurg_tui.commands.tables.parts import numbers, one_line, table, visible_text
from brainsurg_tui.commands.tables.snippets import snippet_table
from brainsurg_tui.widgets.bars import BLOCKS
from brainsurg_tui.widgets.numbers import count_or_figure, figure
from engine.service import protocol as p


def about(feature: p.FeatureDetail) -> Iterator[RenderableType]:
    """A feature's figures, notes, histogram, categories and tokens."""
    yield heading(feature)
    if feature.note:
        yield visible_text(feature.note, "italic")
    yield Text(
        f"max {figure(feature.max)}  mean {figure(feature.mean)}  std {figure(feature.std)}\n"
        f"active on {feature.count:,} tokens ({figure(100 * feature.density)} %)"
        f" in {feature.documents:,} documents"
    )
    if feature.other_figures:
        yield Text("  ".join(f"{k} {count_or_figure(v)}" for k, v in feature.other_figures.items()))
    if feature.histogram is not None and feature.count:
        yield histogram(feature.histogram)
    if feature.activity:
        yield ""
        yield from _activity(feature)
    yield ""
    yield from logit_effects(feature)


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
    made = table(*numbers("active with", "Jaccard", "given this", "given that"), "label")
    for relative in found.relatives:
        shares = (relative.likeness, relative.given_this, relative.given_other)
        made.add_row(
            str(relative.id),
            *("–" if share is None else figure(share) for share in shares),
            one_line(relative.label, "cyan"),
        )
    yield ""
    yield made


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
    yield snippet_table(found) if found else visible_text(textless)


def _activity(feature: p.FeatureDetail) -> Iterator[RenderableType]:
    made = table("category", *numbers("mean", "density"))
    for row in sorted(feature.activity, key=lambda each: -each.mean):
        style = "bold" if row.category == feature.category else ""
        made.add_row(one_line(row.category, style), figure(row.mean), figure(row.density))
    yield made
    if feature.selectivity is not None:
        yield Text(f"selectivity {figure(feature.selectivity)}")
