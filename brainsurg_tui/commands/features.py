"""`features`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.options import By, Filter, ScannedSAE
from brainsurg_tui.commands.progress import ensure_scanned
from brainsurg_tui.commands.tables.features import feature_list
from brainsurg_tui.commands.tables.parts import show
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client


def features(
    sae: ScannedSAE,
    *,
    top: Annotated[PositiveInt, Parameter(help="How many features.")] = 5,
    by: By = "max",
    filter: Filter = "",
    common: Common = Common(),
) -> None:
    """Show the first features of an SAE with their top activating snippets."""

    async def talk(client: "Client") -> p.FeatureList:
        await ensure_scanned(client, sae, common)
        return await client.ask(p.RankFeatures(sae=sae, top=top, by=by, filter=filter))

    found = common.run(talk)
    common.print_result(found, lambda: show(*feature_list(found, by)))
