"""What a workspace holds."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Column

from brainsurg_tui.commands.tables.parts import numbers, one_line, short_column, table, visible_text
from brainsurg_tui.commands.tables.registry import tables_of
from brainsurg_tui.widgets.numbers import byte_size, figure_or_dash
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p


@tables_of.register
def contents_tables(found: p.Contents) -> Iterator[RenderableType]:
    """The activation sets and the SAEs, each as a table, and what to do where there is none."""
    if found.is_read_only:
        yield f"{visible(found.workspace)} can only be read."
        yield ""
    if found.activations:
        sets = table(
            short_column("activations"), "model", short_column("site"), *numbers("tokens", "size")
        )
        for one in found.activations:
            size = byte_size(one.bytes)
            sets.add_row(
                visible_text(one.name), one_line(one.model), one.site, f"{one.tokens:,}", size
            )
        yield sets
    else:
        yield "No activation set yet: brainsurg capture makes one."
    yield ""
    if found.saes:
        saes = table(
            short_column("sae"),
            short_column("arch"),
            *numbers("width", "k", "fvu"),
            "activations",
            "scanned",
        )
        for sae in found.saes:
            saes.add_row(
                visible_text(sae.name),
                sae.arch,
                f"{sae.d_sae:,}",
                "–" if sae.k is None else str(sae.k),
                figure_or_dash(sae.metrics.get("fvu")),
                one_line(sae.activations or f"streamed from {sae.model}"),
                "yes" if sae.scanned else "no",
            )
        yield saes
    else:
        yield "No SAE yet: brainsurg train makes one."
    if found.damaged:
        yield ""
        damaged = table(short_column("damaged"), Column("what is wrong", overflow="fold"))
        for each in found.damaged:
            damaged.add_row(visible_text(each.name), visible_text(each.problem))
        yield damaged
