"""`fetch`."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt

from brainsurg_tui.commands.job_options import JobOptions
from engine.service import protocol as p


def fetch(
    model: Annotated[str, Parameter(help="A hub id.")],
    sae: str | None = None,
    *,
    revision: str | None = None,
    layer: NonNegativeInt | None = None,
    common: JobOptions = JobOptions(),
) -> None:
    """Download a model from the Hugging Face hub, and an SAE for it, ahead of their use.

    They come into the hub's cache, where all commands find them, also with HF_HUB_OFFLINE=1. The
    engine does it, whether this terminal lives on or not. A download that was cut off or cancelled
    goes on where it stopped.

    Parameters
    ----------
    sae
        As import-sae takes it: RELEASE/ID, or owner/name/folder.
    revision
        Of the model: a branch, a tag or a commit; if none is named, the newest.
    layer
        Of an SAE that is one of a set with a file for each layer.
    """
    spec = p.Fetch(model=model, sae=sae, revision=revision, layer=layer)
    common.run_and_print(spec)
