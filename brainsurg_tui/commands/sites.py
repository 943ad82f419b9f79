"""`sites`."""

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.options import Model
from brainsurg_tui.commands.progress import ask_with_progress
from engine.service import protocol as p


def sites(model: Model, *, common: Common = Common()) -> None:
    """List where a model can be observed and edited."""
    found = common.run(
        lambda client: ask_with_progress(client, p.GetSites(model=p.absolute_source(model)))
    )
    common.print_result(found)
