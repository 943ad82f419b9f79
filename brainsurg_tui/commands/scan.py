"""`scan`."""

from cyclopts.types import NonNegativeInt, PositiveInt

from brainsurg_tui.commands.job_options import JobOptions
from brainsurg_tui.commands.options import SAE
from engine.service import protocol as p


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
    common.run_and_print(
        p.Scan(
            sae=sae,
            activations=activations,
            top_k=top_k,
            radius=radius,
            device=common.device,
            seed=common.seed,
        )
    )
