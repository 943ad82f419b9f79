"""`feature`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators
from cyclopts.types import NonNegativeInt, PositiveInt

from brainsurg_tui.commands.common import Common, wrong_usage
from brainsurg_tui.commands.json_document import plain_data
from brainsurg_tui.commands.options import Feature, ScannedSAE
from brainsurg_tui.commands.progress import ensure_scanned
from brainsurg_tui.commands.tables.feature import about, coactive, examples
from brainsurg_tui.commands.tables.parts import show
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client


def feature(
    sae: ScannedSAE,
    id: Feature,
    *,
    band: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=9))] = None,
    silent: bool = False,
    radius: NonNegativeInt | None = None,
    top: PositiveInt = 10,
    common: Common = Common(),
) -> None:
    """Show all that is known of one feature.

    Parameters
    ----------
    band
        Show examples of a tenth of its activations, from 0, the weakest, to 9, instead of the
        strongest.
    silent
        Show hard negatives: tokens like those at its peaks on which it is not active.
    radius
        Tokens to either side of an example; as many as the scan kept if none is given.
    top
        How many examples, and how many features that are active with it.
    """
    if silent and band is not None:
        wrong_usage("Give either --band or --silent.")
    kind: p.SnippetKind = "silent" if silent else "top" if band is None else "band"
    request = p.GetSnippets(sae=sae, feature=id, kind=kind, band=band or 0, radius=radius)

    async def talk(client: "Client") -> tuple[p.FeatureDetail, p.SnippetList, p.Relatives]:
        await ensure_scanned(client, sae, common)
        return (
            await client.ask(p.GetFeature(sae=sae, feature=id)),
            await client.ask(request),
            await client.ask(p.GetCoactive(sae=sae, feature=id, most=top)),
        )

    detail, found, relatives = common.run(talk)
    snippets = found.snippets[:top]
    document = plain_data(detail) | {
        "kind": kind,
        "band": band,
        "snippets": plain_data(snippets),
        "textless": found.textless,
        "coactive": plain_data(relatives.relatives),
        "coactive_tokens": relatives.tokens,
    }
    common.print_result(
        document,
        lambda: show(
            *about(detail), *coactive(relatives), *examples(request, snippets, found.textless)
        ),
    )
