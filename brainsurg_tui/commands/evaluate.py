"""`evaluate`."""

from typing import Annotated

from cyclopts import Parameter, validators

from brainsurg_tui.commands import tables
from brainsurg_tui.commands.common import Common, model_source
from brainsurg_tui.commands.following import submit
from engine.service import protocol as p

Flag = Annotated[bool, Parameter(negative="")]


def evaluate(
    sae: str,
    *,
    activations: str | None = None,
    target: str | None = None,
    model: str | None = None,
    max_tokens: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 65_536,
    histogram: Flag = False,
    detach: Flag = False,
    common: Common | None = None,
) -> None:
    """Measure how good an SAE is: on activations, and inside its model.

    Parameters
    ----------
    sae
        The SAE.
    activations
        The set to measure on; if none is named, what was held out of the one it was trained on.
    target
        The set that a transcoder predicts.
    model
        The model that the set was captured from, if it lies elsewhere now.
    max_tokens
        How much text the model reads, in tokens.
    histogram
        Count the features by density, too.
    detach
        Queue the job, print its id and return.
    """
    common = common or Common()
    spec = p.Evaluate(
        sae=sae,
        activations=activations,
        target=target,
        model=None if model is None else model_source(model),
        max_tokens=max_tokens,
        histogram=histogram,
        device=common.device,
        seed=common.seed,
    )
    tables.tell_job(common, submit(common, spec, detach=detach))
