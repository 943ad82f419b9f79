"""`contents`."""

from brainsurg_tui.commands.common import Common
from engine.service import protocol as p


def contents(*, common: Common = Common()) -> None:
    """List the activation sets and the autoencoders of the workspace."""
    found = common.run(lambda client: client.ask(p.GetContents()))
    common.print_result(found)
