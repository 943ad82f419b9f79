"""`sites`."""

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.options import DeviceMap, Model
from brainsurg_tui.commands.progress import ask_with_progress
from engine.service import protocol as p


def sites(model: Model, *, device_map: DeviceMap = "", common: Common = Common()) -> None:
    """List where a model can be observed and edited."""
    question = p.GetSites(model=p.absolute_source(model), device_map=p.absolute_source(device_map))
    found = common.run(lambda client: ask_with_progress(client, question))
    common.print_result(found)
