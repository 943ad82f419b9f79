"""`scan` and `features`."""

from typing import Annotated, Literal

from cyclopts import Parameter, validators

from brainsurg_tui.commands import tables
from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.following import run_job, submit
from engine.service import protocol as p
from engine.service.client import Client

Flag = Annotated[bool, Parameter(negative="")]
By = Literal["max", "mean", "std", "density", "count", "documents", "selectivity", "activity"]


def scan(
    sae: str,
    *,
    activations: str | None = None,
    top_k: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 20,
    radius: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 16,
    detach: Flag = False,
    common: Common | None = None,
) -> None:
    """Build the feature catalogue of an SAE: one pass over an activation set.

    A scan that was interrupted goes on where it stood.

    Parameters
    ----------
    sae
        The SAE.
    activations
        The set to look at; if none is named, the one that the SAE was trained on.
    top_k
        How many of each feature's strongest examples to keep, each of another document.
    radius
        How many tokens on either side of an example to keep the activations of.
    detach
        Queue the job, print its id and return.
    """
    common = common or Common()
    spec = p.Scan(
        sae=sae,
        activations=activations,
        top_k=top_k,
        radius=radius,
        device=common.device,
        seed=common.seed,
    )
    tables.tell_job(common, submit(common, spec, detach=detach))


def features(
    sae: str,
    *,
    top: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 5,
    by: By = "max",
    filter: str = "",
    common: Common | None = None,
) -> None:
    """Show the first features of an SAE with their top activating snippets.

    Parameters
    ----------
    sae
        The SAE; it is scanned first if that has not been done.
    top
        How many features.
    by
        What to order them by. `activity` is the mean over all tokens, the seed's own ranking.
    filter
        Such as "density < 1e-3 max > 5 label ~ cit(y|ies)". Numbers are id, max, mean, std,
        density, count, documents and selectivity, compared with < <= > >= = and !=. Texts are
        label, tag, note, category, snippet, peak, promoted and suppressed, compared with ~, a
        regular expression, and its opposite !~, the first four with = and !=, too. Flags are
        starred, labelled, tagged and alive. A word by itself is looked for in labels. There are
        not, and, or and parentheses.
    """
    common = common or Common()

    async def talk(client: Client) -> p.FeatureList:
        await ensure_scanned(client, sae, common)
        return await client.ask(p.RankFeatures(sae=sae, top=top, by=by, filter=filter))

    found = common.run(talk)
    common.tell(found, lambda: tables.features(found, by))


async def ensure_scanned(client: Client, sae: str, common: Common) -> None:
    """Scan an SAE that has no catalogue yet; one that is not there is the next request's to say."""
    contents = await client.ask(p.GetContents())
    if any(info.name == sae and not info.scanned for info in contents.saes):
        await run_job(client, p.Scan(sae=sae, device=common.device, seed=common.seed))
