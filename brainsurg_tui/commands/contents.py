"""`contents`."""

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.tables.contents import contents_tables
from brainsurg_tui.commands.tables.parts import show
from engine.service import protocol as p


def contents(*, common: Common = Common()) -> None:
    """List the activation sets and the autoencoders of the workspace."""
    found = common.run(lambda client: client.ask(p.GetContents()))
    common.tell(found, lambda: show(*contents_tables(found)))
