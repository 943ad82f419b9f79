"""`evaluate`."""

from cyclopts.types import PositiveInt

from brainsurg_tui.commands.common import model_source
from brainsurg_tui.commands.job_options import JobOptions
from brainsurg_tui.commands.options import SAE, MovedModel
from engine.service import protocol as p


def evaluate(
    sae: SAE,
    *,
    activations: str | None = None,
    target: str | None = None,
    model: MovedModel = None,
    max_tokens: PositiveInt = 65_536,
    histogram: bool = False,
    common: JobOptions = JobOptions(),
) -> None:
    """Measure how good an SAE is: on activations, and inside its model.

    Parameters
    ----------
    activations
        The set to measure on; if none is named, what was held out of the one it was trained on.
    target
        The set that a transcoder predicts.
    max_tokens
        How much text the model reads, in tokens.
    histogram
        Count the features by density, too.
    """
    common.run_and_print(
        p.Evaluate(
            sae=sae,
            activations=activations,
            target=target,
            model=None if model is None else model_source(model),
            max_tokens=max_tokens,
            histogram=histogram,
            device=common.device,
            seed=common.seed,
        )
    )
