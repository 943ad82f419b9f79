"""`screen`."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from brainsurg_tui.commands.common import Common, absolute, wrong_usage
from brainsurg_tui.commands.options import (
    By,
    Chat,
    ChatTemplate,
    DeviceMap,
    Filter,
    ModelDtype,
    Prompts,
    Quantize,
    SAEModel,
    ScannedSAE,
    System,
)
from brainsurg_tui.commands.progress import ask_with_progress, ensure_scanned
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client


def screen(
    sae: ScannedSAE,
    *,
    feature: Annotated[list[int] | None, Parameter(consume_multiple=True)] = None,
    top: PositiveInt = 20,
    by: By = "max",
    filter: Filter = "",
    prompts: Prompts = None,
    prompt: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    measure: str = "promoted:10",
    times_max: float = 1.0,
    generate: NonNegativeInt = 24,
    nulls: PositiveInt = 20,
    null: p.NullKind = "matched",
    most_nulls: NonNegativeInt = 200,
    chat: Chat = False,
    chat_template: ChatTemplate = "",
    system: System = "",
    model: SAEModel = None,
    model_dtype: ModelDtype = "auto",
    quantize: Quantize = "auto",
    device_map: DeviceMap = "",
    common: Common = Common(),
) -> None:
    """Clamp many features in turn, and show which of them do more than chance, with their q.

    Parameters
    ----------
    feature
        The features, one after another; without any, the first by --by and --filter.
    top
        How many features, where none is named.
    prompt
        Prompts, one after another.
    measure
        `kl`, or as `clamp --measure` takes it; promoted:10 asks whether a feature makes the ten
        tokens that it promotes likelier.
    times_max
        The activation that each is held at, in multiples of its maximum.
    generate
        Tokens that the model writes after each prompt, before anything is edited.
    nulls
        How many nulls are drawn at a time for each feature.
    null
        `matched` random features, alike in density and maximum, or random `directions`.
    most_nulls
        How many are drawn at most, while a feature's p isn't clear.
    """
    if (prompts is None) == (prompt is None):
        wrong_usage("Give either --prompts or --prompt.")

    async def talk(client: "Client") -> p.Screening:
        await ensure_scanned(client, sae, common)
        features = feature or [
            each.id
            for each in (
                await client.ask(p.RankFeatures(sae=sae, top=top, by=by, filter=filter))
            ).features
        ]
        request = p.ScreenRequest(
            sae=sae,
            features=features,
            prompts=[*(prompt or [])],
            prompt_file="" if prompts is None else absolute(prompts),
            measure=measure,
            times_max=times_max,
            generate=generate,
            nulls=nulls,
            null=null,
            most_nulls=most_nulls,
            seed=common.seed,
            chat=p.chat_choice(chat=chat, template=chat_template, system=system),
            model=None if model is None else p.absolute_source(model),
            model_dtype=model_dtype,
            quantize=quantize,
            device_map=p.absolute_source(device_map),
        )
        return await ask_with_progress(client, p.Screen(request=request, device=common.device))

    common.print_result(common.run(talk))
