"""`train`."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from brainsurg_tui.commands import tables
from brainsurg_tui.commands.common import Common, absolute, model_source, wrong_usage
from brainsurg_tui.commands.following import submit
from engine.service import protocol as p

Flag = Annotated[bool, Parameter(negative="")]
Several = Parameter(consume_multiple=True, negative="")

Architecture = Literal[
    "topk",
    "batchtopk",
    "jumprelu",
    "relu",
    "gated",
    "matryoshka",
    "seed-basic",
    "seed-optimised",
]


def train(
    name: str,
    *,
    activations: str | None = None,
    target: str | None = None,
    model: str | None = None,
    site: str | None = None,
    target_site: str | None = None,
    text: Annotated[list[Path] | None, Several] = None,
    dataset: str | None = None,
    context: int | None = None,
    arch: Architecture | None = None,
    preset: Literal["gao2024", "dictionary-learning", "anthropic2024"] | None = None,
    width: int | None = None,
    k: int | None = None,
    l1: float | None = None,
    skip: Flag = False,
    tokens: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    devices: int | None = None,
    shards: int | None = None,
    checkpoint_minutes: float | None = None,
    resume: Flag = False,
    replace: Flag = False,
    detach: Flag = False,
    common: Common | None = None,
) -> None:
    """Train a sparse autoencoder or a transcoder, save it and evaluate it.

    It learns from an activation set, or from what a model makes of text meanwhile.

    Parameters
    ----------
    name
        What to call the SAE.
    activations
        The activation set to learn from.
    target
        For a transcoder: the set to predict, captured in one go with the other.
    model
        Without a set: a folder, a hub id, or `demo` for the embedded model.
    site
        Where to look in the model, such as resid_post.13.
    target_site
        For a transcoder: the site to predict.
    text
        Files or folders of documents for the model to read.
    dataset
        An id for the datasets library, where there is a network.
    context
        Longest window of tokens in one forward pass.
    arch
        The architecture; topk if none is named.
    preset
        A published recipe; our own if none is named.
    width
        Number of features.
    k
        Active features per token (topk, batchtopk, matryoshka), or how many to aim at (jumprelu).
    l1
        Weight of the sparsity penalty (relu, gated).
    skip
        For a transcoder: a linear map beside the features.
    tokens
        Training tokens, counted with repetition.
    batch
        Tokens per step.
    lr
        Learning rate.
    devices
        How many GPUs train together, each on its share of every batch.
    shards
        In how many parts the features are shared out among them, where one GPU can't hold them all.
    checkpoint_minutes
        How often to save where the training stands; 5 if nothing is said.
    resume
        Go on with a training that was interrupted, with the settings that it was begun with.
    replace
        Put it in the place of an SAE, or of a training that was interrupted, of that name.
    detach
        Queue the job, print its id and return.
    """
    common = common or Common()
    if resume and replace:
        wrong_usage("--resume goes on and --replace begins anew: give one of them.")
    if not resume and activations is None and model is None:
        wrong_usage("give --activations, or --model with --site and --text or --dataset.")
    said: dict[str, Any] = {
        "activations": activations,
        "target": target,
        "model": None if model is None else model_source(model),
        "site": site,
        "target_site": target_site,
        "texts": None if text is None else [absolute(path) for path in text],
        "dataset": dataset,
        "context": context,
        "arch": arch,
        "preset": preset,
        "width": width,
        "k": k,
        "l1": l1,
        "skip": skip or None,
        "tokens": tokens,
        "batch": batch,
        "lr": lr,
        "devices": devices,
        "shards": shards,
        "checkpoint_minutes": checkpoint_minutes,
        "seed": common.seed or None,
        "device": None if common.device == "auto" else common.device,
    }
    given = {flag: value for flag, value in said.items() if value is not None}
    spec = _begun(name, common, given) if resume else p.Train(name=name, replace=replace, **given)
    tables.tell_job(common, submit(common, spec, detach=detach))


def _begun(name: str, common: Common, given: dict[str, Any]) -> p.Train:
    """What the training was begun with, and what is said now: the engine compares them."""
    begun = common.run(lambda client: client.ask(p.GetBegun(name=name)))
    return msgspec.structs.replace(begun.spec, resume=True, **given)
