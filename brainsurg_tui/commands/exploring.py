"""`feature` and `grep`: everything about one feature, and which features know a pattern."""

from typing import Annotated

from cyclopts import Parameter, validators

from brainsurg_tui.commands import exploring_tables
from brainsurg_tui.commands.common import Common, plain, wrong_usage
from brainsurg_tui.commands.saes import ensure_scanned
from brainsurg_tui.commands.tables import show
from engine.service import protocol as p
from engine.service.client import Client

Flag = Annotated[bool, Parameter(negative="")]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]


def feature(
    sae: str,
    id: int,
    *,
    band: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=9))] = None,
    silent: Flag = False,
    radius: Annotated[int | None, Parameter(validator=validators.Number(gte=0))] = None,
    top: Count = 10,
    common: Common | None = None,
) -> None:
    """Show all that is known of one feature.

    Parameters
    ----------
    sae
        The SAE; it is scanned first if that has not been done.
    id
        The feature.
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
    common = common or Common()
    if silent and band is not None:
        wrong_usage("give either --band or --silent.")
    kind: p.Kind = "silent" if silent else "top" if band is None else "band"
    wanted = p.GetSnippets(sae=sae, feature=id, kind=kind, band=band or 0, radius=radius)

    async def talk(client: Client) -> tuple[p.FeatureDetail, p.SnippetList, p.Relatives]:
        await ensure_scanned(client, sae, common)
        return (
            await client.ask(p.GetFeature(sae=sae, feature=id)),
            await client.ask(wanted),
            await client.ask(p.GetCoactive(sae=sae, feature=id, most=top)),
        )

    detail, found, coactive = common.run(talk)
    examples = found.snippets[:top]
    document = plain(detail) | {
        "kind": kind,
        "band": band,
        "snippets": plain(examples),
        "textless": found.textless,
        "coactive": plain(coactive.relatives),
        "coactive_tokens": coactive.tokens,
    }
    common.tell(
        document,
        lambda: show(
            *exploring_tables.about(detail),
            *exploring_tables.coactive(coactive),
            *exploring_tables.examples(wanted, examples, found.textless),
        ),
    )


def grep(
    sae: str,
    pattern: str,
    *,
    feature: int | None = None,
    ignore_case: Flag = False,
    top: Count = 20,
    common: Common | None = None,
) -> None:
    """Show where a regular expression matches the scanned texts, and which features answer there.

    Parameters
    ----------
    sae
        The SAE; it is scanned first if that has not been done.
    pattern
        Such as "\\bcit(y|ies)\\b".
    feature
        Show where this feature is right and wrong, instead of the features that do best.
    ignore_case
        Let capitals and small letters match each other.
    top
        How many features, or how many examples of each kind.
    """
    common = common or Common()
    request = p.Grep(sae=sae, pattern=pattern, feature=feature, most=top, ignore_case=ignore_case)

    async def talk(client: Client) -> p.GrepReport:
        await ensure_scanned(client, sae, common)
        return await client.ask(request)

    report = common.run(talk)
    common.tell(report, lambda: show(*exploring_tables.grep(report)))
