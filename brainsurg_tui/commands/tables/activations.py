"""Activation sets, and where a model can be observed."""

from rich.table import Table
from rich.text import Text

from brainsurg_tui.commands.tables.parts import numbers, pairs, table, whole
from brainsurg_tui.widgets.visible import visible
from engine.service import protocol as p


def site_table(found: p.Sites) -> Table:
    """Every site of a model."""
    made = table(whole("site"), *numbers("width"), "meaning and module")
    for site in found.sites:
        where = Text.assemble(site.meaning, "\n", (visible(site.module), "dim"))
        made.add_row(site.site, str(site.width), where)
    return made


def summary_table(found: p.ActivationsSummary) -> Table:
    """The seed's summary statistics."""
    return pairs(
        {
            "total prompts": f"{found.prompts:,}",
            "average tokens": f"{found.average_tokens:.1f}",
            "hidden size": f"{found.d_model:,}",
            "activation vectors": f"{found.vectors:,}",
        }
    )
