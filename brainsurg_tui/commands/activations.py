"""`capture`, `sites`, `summary`, and the seed's format in and out."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from brainsurg_tui.commands.common import Common, absolute, model_source, wrong_usage
from brainsurg_tui.commands.following import ask_long
from brainsurg_tui.commands.options import (
    ActivationSet,
    Chat,
    Context,
    Dataset,
    Model,
    NewFolder,
    NewSet,
    Prompts,
    Texts,
)
from brainsurg_tui.commands.submitting import JobOptions
from brainsurg_tui.commands.tables.activations import site_table, summary_table
from brainsurg_tui.commands.tables.parts import show
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
    common.do(
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


def sites(model: Model, *, common: Common = Common()) -> None:
    """List where a model can be observed and edited."""
    found = common.run(lambda client: ask_long(client, p.GetSites(model=model_source(model))))
    common.tell(found, lambda: show(site_table(found)))


def summary(name: ActivationSet, *, common: Common = Common()) -> None:
    """Show the statistics of an activation set."""
    found = common.run(lambda client: client.ask(p.GetSummary(name=name)))
    common.tell(found, lambda: show(summary_table(found)))


def import_activations(
    name: NewSet,
    folder: Annotated[Path, Parameter(help="Where the files lie.")],
    *,
    common: JobOptions = JobOptions(),
) -> None:
    """Read activations_i.pt and metadata.json, the seed's format, as an activation set."""
    common.do(p.ImportActivations(name=name, folder=absolute(folder)))


def export_activations(
    name: ActivationSet, folder: NewFolder, *, common: JobOptions = JobOptions()
) -> None:
    """Write an activation set as activations_i.pt and metadata.json, the seed's format."""
    common.do(p.ExportActivations(name=name, folder=absolute(folder)))
