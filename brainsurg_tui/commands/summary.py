"""`summary`."""

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.options import ActivationSet
from engine.service import protocol as p


def summary(name: ActivationSet, *, common: Common = Common()) -> None:
    """Show the statistics of an activation set."""
    found = common.run(lambda client: client.ask(p.GetSummary(name=name)))
    common.print_result(found)
