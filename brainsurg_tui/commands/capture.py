"""`capture`."""

from typing import Annotated, Literal

from cyclopts import Parameter

from brainsurg_tui.commands.common import absolute, model_source, wrong_usage
from brainsurg_tui.commands.job_options import JobOptions
from brainsurg_tui.commands.options import (
    Chat,
    Context,
    Dataset,
    Model,
    Prompts,
    Texts,
)
from engine.service import protocol as p


def capture(
    name: Annotated[
        str,
        Parameter(help="What to call the activation set; with several sites, NAME.SITE for each."),
    ],
    *,
    model: Model,
    site: list[str],
    prompts: Prompts = None,
    text: Texts = None,
    dataset: Dataset = None,
    generate: int = 0,
    context: Context = None,
    max_tokens: int | None = None,
    dtype: Literal["float32", "bfloat16", "float16"] = "float32",
    chat: Chat = False,
    common: JobOptions = JobOptions(),
) -> None:
    """Run a model over prompts or text, and keep its activations at some sites.

    Parameters
    ----------
    site
        Where to look, such as resid_post.13; may be given several times.
    generate
        Tokens to continue each prompt by before it is observed.
    max_tokens
        Stop after this many tokens.
    dtype
        How activations are stored.
    """
    if sum(source is not None for source in (prompts, text, dataset)) != 1:
        wrong_usage("Give exactly one of --prompts, --text and --dataset.")
    common.run_and_print(
        p.Capture(
            name=name,
            model=model_source(model),
            sites=site,
            prompt_file=None if prompts is None else absolute(prompts),
            texts=[absolute(path) for path in text or []],
            dataset=dataset,
            generate=generate,
            context=context,
            max_tokens=max_tokens,
            dtype=dtype,
            chat=chat,
            device=common.device,
            seed=common.seed,
        )
    )
