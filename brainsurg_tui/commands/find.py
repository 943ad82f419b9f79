"""`find`."""

from typing import Literal

from cyclopts.types import NonNegativeInt

from brainsurg_tui.commands.common import Common, absolute, wrong_usage
from brainsurg_tui.commands.options import (
    SAE,
    Chat,
    ChatTemplate,
    DeviceMap,
    ModelDtype,
    Most,
    Prompts,
    Quantize,
    SAEModel,
    System,
)
from brainsurg_tui.commands.progress import ask_with_progress
from engine.service import protocol as p


def find(
    sae: SAE,
    *,
    prompt: str | None = None,
    prompts: Prompts = None,
    chat: Chat = False,
    chat_template: ChatTemplate = "",
    system: System = "",
    target: str | None = None,
    ablate: NonNegativeInt = 50,
    top: Most = 20,
    by: Literal["effect", "activation"] = "effect",
    model: SAEModel = None,
    model_dtype: ModelDtype = "auto",
    quantize: Quantize = "auto",
    device_map: DeviceMap = "",
    common: Common = Common(),
) -> None:
    """Show which features fire in a prompt, and which of them matter for what comes next.

    Parameters
    ----------
    prompt
        The text.
    prompts
        Instead of --prompt: a file that holds one prompt, such as a conversation.
    target
        The next token to explain, such as " Paris"; if none is named, the likeliest.
    ablate
        How many features to ablate for real, the strongest by gradient times activation.
    by
        What to order them by: the effect of ablating them, or their largest activation.
    """
    if (prompt is None) == (prompts is None):
        wrong_usage("Give either --prompt or --prompts.")
    question = p.FindFiring(
        sae=sae,
        prompt=prompt or "",
        prompt_file="" if prompts is None else absolute(prompts),
        chat=p.chat_choice(chat=chat, template=chat_template, system=system),
        target=target,
        ablate=ablate,
        most=top,
        by=by,
        model=None if model is None else p.absolute_source(model),
        model_dtype=model_dtype,
        quantize=quantize,
        device_map=p.absolute_source(device_map),
        device=common.device,
    )
    found = common.run(lambda client: ask_with_progress(client, question))
    common.print_result(found)
