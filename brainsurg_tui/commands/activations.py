"""`capture`, `sites`, `summary`, and the seed's format in and out."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from brainsurg_tui.commands import tables
from brainsurg_tui.commands.common import Common, absolute, model_source, wrong_usage
from brainsurg_tui.commands.following import ask_long, submit
from engine.service import protocol as p

Detach = Annotated[bool, Parameter(negative="")]
Several = Parameter(consume_multiple=True, negative="")


def capture(
    name: str,
    *,
    model: str,
    site: Annotated[list[str], Parameter(negative="")],
    prompts: Path | None = None,
    text: Annotated[list[Path] | None, Several] = None,
    dataset: str | None = None,
    generate: int = 0,
    context: int | None = None,
    max_tokens: int | None = None,
    dtype: Literal["float32", "bfloat16", "float16"] = "float32",
    chat: Annotated[bool, Parameter(negative="")] = False,
    detach: Detach = False,
    common: Common | None = None,
) -> None:
    """Run a model over prompts or text, and keep its activations at some sites.

    Parameters
    ----------
    name
        What to call the activation set; with several sites, NAME.SITE for each.
    model
        A folder, a hub id, or `demo` for the embedded model.
    site
        Where to look, such as resid_post.13; may be given several times.
    prompts
        A file of prompts: .txt, .jsonl or .json.
    text
        Files or folders of documents: .txt, .jsonl, .json or .parquet.
    dataset
        An id for the datasets library, where there is a network.
    generate
        Tokens to continue each prompt by before it is observed.
    context
        Longest window of tokens in one forward pass.
    max_tokens
        Stop after this many tokens.
    dtype
        How activations are stored.
    chat
        Put each prompt into the tokenizer's chat template.
    detach
        Queue the job, print its id and return.
    """
    common = common or Common()
    if sum(source is not None for source in (prompts, text, dataset)) != 1:
        wrong_usage("give exactly one of --prompts, --text and --dataset.")
    spec = p.Capture(
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
    tables.tell_job(common, submit(common, spec, detach=detach))


def sites(model: str, *, common: Common | None = None) -> None:
    """List where a model can be observed and edited.

    Parameters
    ----------
    model
        A folder, a hub id, or `demo`.
    """
    common = common or Common()
    found = common.run(lambda client: ask_long(client, p.GetSites(model=model_source(model))))
    common.tell(found, lambda: tables.sites(found))


def summary(name: str, *, common: Common | None = None) -> None:
    """Show the statistics of an activation set.

    Parameters
    ----------
    name
        The activation set.
    """
    common = common or Common()
    found = common.run(lambda client: client.ask(p.GetSummary(name=name)))
    common.tell(found, lambda: tables.summary(found))


def import_activations(
    name: str, folder: Path, *, detach: Detach = False, common: Common | None = None
) -> None:
    """Read activations_i.pt and metadata.json, the seed's format, as an activation set.

    Parameters
    ----------
    name
        What to call the activation set.
    folder
        Where the files lie.
    detach
        Queue the job, print its id and return.
    """
    common = common or Common()
    spec = p.ImportActivations(name=name, folder=absolute(folder))
    tables.tell_job(common, submit(common, spec, detach=detach))


def export_activations(
    name: str, folder: Path, *, detach: Detach = False, common: Common | None = None
) -> None:
    """Write an activation set as activations_i.pt and metadata.json, the seed's format.

    Parameters
    ----------
    name
        The activation set.
    folder
        The folder to make.
    detach
        Queue the job, print its id and return.
    """
    common = common or Common()
    spec = p.ExportActivations(name=name, folder=absolute(folder))
    tables.tell_job(common, submit(common, spec, detach=detach))
