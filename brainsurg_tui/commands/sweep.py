"""`sweep`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Parameter

from brainsurg_tui.commands import tables
from brainsurg_tui.commands.common import Common, absolute, model_source, wrong_usage
from brainsurg_tui.commands.following import submit
from engine.service import protocol as p

T = TypeVar("T")

Flag = Annotated[bool, Parameter(negative="")]
Several = Parameter(consume_multiple=True, negative="")


def sweep(
    name: str,
    *,
    activations: str | None = None,
    target: str | None = None,
    model: str | None = None,
    site: str | None = None,
    target_site: str | None = None,
    text: Annotated[list[Path] | None, Several] = None,
    dataset: str | None = None,
    arch: str | None = None,
    width: str | None = None,
    k: str | None = None,
    l1: str | None = None,
    lr: str | None = None,
    preset: Literal["gao2024", "dictionary-learning", "anthropic2024"] | None = None,
    tokens: int | None = None,
    batch: int | None = None,
    checkpoint_minutes: float | None = None,
    resume: Flag = False,
    replace: Flag = False,
    detach: Flag = False,
    common: Common | None = None,
) -> None:
    """Train an SAE for every combination of some settings, and compare them.

    All learn from one stream of activations. What is listed is varied and stands in the names of
    the SAEs: with --k 16,32 --width 1024 they are NAME.k16.w1024 and NAME.k32.w1024.

    Parameters
    ----------
    name
        What the names of the SAEs begin with.
    activations
        The activation set to learn from.
    target
        For transcoders: the set to predict, captured in one go with the other.
    model
        Without a set: a folder, a hub id, or `demo` for the embedded model.
    site
        Where to look in the model, such as resid_post.13.
    target_site
        For transcoders: the site to predict.
    text
        Files or folders of documents for the model to read.
    dataset
        An id for the datasets library, where there is a network.
    arch
        Architectures, with commas between; topk if none is named.
    width
        Numbers of features, such as 1024,4096.
    k
        Active features per token, such as 16,32,64, or how many to aim at (jumprelu).
    l1
        Weights of the sparsity penalty (relu, gated).
    lr
        Learning rates, such as 1e-3,3e-4.
    preset
        A published recipe for all; our own if none is named.
    tokens
        Training tokens of each, counted with repetition.
    batch
        Tokens per step.
    checkpoint_minutes
        How often to save where the sweep stands; 5 if nothing is said.
    resume
        Keep what the sweep of this name has trained, and go on with the rest.
    replace
        Put them in the place of SAEs of their names.
    detach
        Queue the job, print its id and return.
    """
    common = common or Common()
    if resume and replace:
        wrong_usage("--resume goes on and --replace begins anew: give one of them.")
    if (activations is None) == (model is None):
        wrong_usage("give --activations, or --model with --site and --text or --dataset.")
    said: dict[str, Any] = {
        "activations": activations,
        "target": target,
        "model": None if model is None else model_source(model),
        "site": site,
        "target_site": target_site,
        "texts": None if text is None else [absolute(path) for path in text],
        "dataset": dataset,
        "preset": preset,
        "tokens": tokens,
        "batch": batch,
        "checkpoint_minutes": checkpoint_minutes,
    }
    spec = p.Sweep(
        train=p.Train(
            name=name,
            resume=resume,
            replace=replace,
            device=common.device,
            seed=common.seed,
            **{flag: value for flag, value in said.items() if value is not None},
        ),
        archs=_listed("arch", arch, str),
        widths=_listed("width", width, int),
        ks=_listed("k", k, int),
        l1s=_listed("l1", l1, float),
        lrs=_listed("lr", lr, float),
    )
    tables.tell_job(common, submit(common, spec, detach=detach))


def _listed(flag: str, text: str | None, kind: Callable[[str], T]) -> list[T]:
    try:
        return [kind(part.strip()) for part in (text or "").split(",") if part.strip()]
    except ValueError:
        wrong_usage(f"--{flag} is a list such as {_EXAMPLES[flag]}, and not {text!r}.")


_EXAMPLES = {"width": "1024,4096", "k": "16,32,64", "l1": "0.1,0.3", "lr": "1e-3,3e-4"}
