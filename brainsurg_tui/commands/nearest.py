"""`nearest`."""

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.options import SAE, Feature, Most
from brainsurg_tui.commands.progress import ask_with_progress
from engine.service import protocol as p


def nearest(
    sae: SAE,
    feature: Feature,
    *,
    other: str | None = None,
    top: Most = 10,
    common: Common = Common(),
) -> None:
    """Show the features whose decoder directions are most similar to that of one feature.

    Parameters
    ----------
    other
        Another SAE to look in; if none is named, the same.
    """
    question = p.GetNearest(sae=sae, feature=feature, other=other, most=top, device=common.device)
    found = common.run(lambda client: ask_with_progress(client, question))
    common.print_result(found)
