"""`find`."""

from typing import Literal

from cyclopts.types import NonNegativeInt

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.options import SAE, ModelDtype, Most, SAEModel
from brainsurg_tui.commands.progress import ask_with_progress
from engine.service import protocol as p


def find(
    sae: SAE,
    *,
    prompt: str,
    target: str | None = None,
    ablate: NonNegativeInt = 50,
    top: Most = 20,
    by: Literal["effect", "activation"] = "effect",
    model: SAEModel = None,
    model_dtype: ModelDtype = "auto",
    common: Common = Common(),
) -> None:
    """Show which features fire in a prompt, and which of them matter for what comes next.

    Parameters
    ----------
    prompt
        The text.
    target
        The next token to explain, such as " Paris"; if none is named, the likeliest.
    ablate
        How many features to ablate for real, the strongest by gradient times activation.
    by
        What to order them by: the effect of ablating them, or their largest activation.
    """
    question = p.FindFiring(
        sae=sae,
        prompt=prompt,
        target=target,
        ablate=ablate,
        most=top,
        by=by,
        model=None if model is None else p.absolute_source(model),
        model_dtype=model_dtype,
        device=common.device,
    )
    found = common.run(lambda client: ask_with_progress(client, question))
    common.print_result(found)
