"""`grep`."""

from typing import TYPE_CHECKING

from cyclopts.types import PositiveInt

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.options import ScannedSAE
from brainsurg_tui.commands.progress import ensure_scanned
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client


def grep(
    sae: ScannedSAE,
    pattern: str,
    *,
    feature: int | None = None,
    ignore_case: bool = False,
    top: PositiveInt = 20,
    common: Common = Common(),
) -> None:
    """Show where a regular expression matches the scanned texts, and which features answer there.

    Parameters
    ----------
    pattern
        Such as "\\bcit(y|ies)\\b".
    feature
        Show where this feature is right and wrong, instead of the features that do best.
    ignore_case
        Let capitals and small letters match each other.
    top
        How many features, or how many examples of each kind.
    """
    request = p.Grep(sae=sae, pattern=pattern, feature=feature, most=top, ignore_case=ignore_case)

    async def talk(client: "Client") -> p.GrepReport:
        await ensure_scanned(client, sae, common)
        return await client.ask(request)

    report = common.run(talk)
    common.print_result(report)
