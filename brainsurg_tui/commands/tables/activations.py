"""Activation sets, and where a model can be observed."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from brainsurg_tui.commands.tables.parts import numbers, pair_table, short_column, table
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p


@tables_of.register
def site_tables(found: p.Sites) -> Iterator[RenderableType]:
    """Every site of a model."""
    grid = table(short_column("site"), *numbers("width"), "meaning and module")
    for site in found.sites:
        where = Text.assemble(site.meaning, "\n", (visible(site.module), "dim"))
        grid.add_row(site.site, str(site.width), where)
    yield grid
    if found.chat_templates:
        named = visible(", ".join(found.chat_templates))
        yield Text(f"chat template: {named}; --chat puts prompts into it", style="dim")


@tables_of.register
def summary_tables(found: p.ActivationsSummary) -> Iterator[RenderableType]:
    """The seed's summary statistics."""
    yield pair_table(
        {
            "total prompts": f"{found.prompts:,}",
            "average tokens": f"{found.average_tokens:.1f}",
            "hidden size": f"{found.d_model:,}",
            "activation vectors": f"{found.vectors:,}",
            **_model(found),
            **_row_kinds(found),
        }
    )


def _model(found: p.ActivationsSummary) -> dict[str, str]:
    """Which model the activations are of, and what it computed in."""
    if not found.model:
        return {}
    weights = p.weights_words(found.model_dtype, found.quantisation)
    return {"model": found.model + (f", in {weights}" if weights else "")}


def _row_kinds(found: p.ActivationsSummary) -> dict[str, str]:
    """What the activations are, kind by kind, but for kinds of which there are none."""
    rows = found.row_summary
    if rows is None:
        return {"attention sinks": "not measured: that is done when the set is used next"}
    sinks = f"{rows.counts.sink:,}"
    if rows.rule is not None:
        multiple = f"{rows.rule.multiple:g} × the median norm"
        sinks += f" (longer than {rows.rule.max_norm:,.4g}, {multiple})"
    others = {
        "before a text (BOS)": rows.counts.start,
        "special tokens": rows.counts.special,
        "NaN or infinity": rows.counts.nonfinite,
    }
    return {"attention sinks": sinks} | {
        name: f"{count:,}" for name, count in others.items() if count
    }
