"""Activation sets, and where a model can be observed."""

from rich.table import Table

from brainsurg_tui.commands.tables.parts import cut, foreign, numbers, pairs, table
from engine.service import protocol as p


def site_table(found: p.Sites) -> Table:
    """Every site of a model."""
    made = table(cut("site"), *numbers("width"), cut("module"), "meaning")
    for site in found.sites:
        made.add_row(site.site, str(site.width), foreign(site.module), site.meaning)
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
