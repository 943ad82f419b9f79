"""`scan` and `features`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.following import run_job
from brainsurg_tui.commands.options import SAE, By, ScannedSAE
from brainsurg_tui.commands.submitting import JobOptions
from brainsurg_tui.commands.tables.features import feature_list
from brainsurg_tui.commands.tables.parts import show
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client


def scan(
    sae: SAE,
    *,
    activations: str | None = None,
    top_k: PositiveInt = 20,
    radius: NonNegativeInt = 16,
    common: JobOptions = JobOptions(),
) -> None:
    """Build the feature catalogue of an SAE: one pass over an activation set.

    A scan that was interrupted goes on where it stood.

    Parameters
    ----------
    activations
        The set to look at; if none is named, the one that the SAE was trained on.
    top_k
        How many of each feature's strongest examples to keep, each of another document.
    radius
        How many tokens on either side of an example to keep the activations of.
    """
    common.do(
        p.Scan(
            sae=sae,
            activations=activations,
            top_k=top_k,
            radius=radius,
            device=common.device,
            seed=common.seed,
        )
    )


def features(
    sae: ScannedSAE,
    *,
    top: Annotated[PositiveInt, Parameter(help="How many features.")] = 5,
    by: By = "max",
    filter: str = "",
    common: Common = Common(),
) -> None:
    """Show the first features of an SAE with their top activating snippets.

    Parameters
    ----------
    filter
        Such as "density < 1e-3 max > 5 label ~ cit(y|ies)". Numbers are id, max, mean, std,
        density, count, documents and selectivity, compared with < <= > >= = and !=. Texts are
        label, tag, note, category, snippet, peak, promoted and suppressed, compared with ~, a
        regular expression, and its opposite !~, the first four with = and !=, too. Flags are
        starred, labelled, tagged and alive. A word by itself is looked for in labels. There are
        not, and, or and parentheses.
    """

    async def talk(client: "Client") -> p.FeatureList:
        await ensure_scanned(client, sae, common)
        return await client.ask(p.RankFeatures(sae=sae, top=top, by=by, filter=filter))

    found = common.run(talk)
    common.tell(found, lambda: show(*feature_list(found, by)))


async def ensure_scanned(client: "Client", sae: str, common: Common) -> None:
    """Scan an SAE that has no catalogue yet; one that is not there is the next request's to say."""
    contents = await client.ask(p.GetContents())
    if any(info.name == sae and not info.scanned for info in contents.saes):
        await run_job(client, p.Scan(sae=sae, device=common.device, seed=common.seed))
