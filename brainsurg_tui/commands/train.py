"""`train`."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from brainsurg_tui.commands.common import Common
from brainsurg_tui.commands.job_options import JobOptions
from brainsurg_tui.commands.options import NewSAE
from brainsurg_tui.commands.training_options import (
    AUTOENCODER,
    TRAINING,
    Settings,
    Source,
    check_beginning,
    given,
)
from engine.service import protocol as p


@Parameter(name="*", group=AUTOENCODER)
@dataclass(frozen=True, kw_only=True)
class Shape:
    """What to train; None: as the recipe has it."""

    arch: Annotated[str | None, Parameter(choices=p.ARCHITECTURES)] = None
    """The architecture; topk if none is named."""
    width: int | None = None
    """Number of features."""
    k: int | None = None
    """Active features per token (topk, batchtopk, matryoshka), or how many to aim at (jumprelu)."""
    l1: float | None = None
    """Weight of the sparsity penalty (relu, gated)."""


@Parameter(name="*", group=TRAINING)
@dataclass(frozen=True, kw_only=True)
class OwnSettings(Settings):
    """Those of a single training."""

    lr: float | None = None
    """Learning rate."""
    devices: int | None = None
    """How many GPUs train together, each on its share of every batch."""
    shards: int | None = None
    """In how many parts the features are shared out among them, where one GPU can't hold them
    all."""


def train(
    name: NewSAE,
    *,
    source: Source = Source(),
    shape: Shape = Shape(),
    settings: OwnSettings = OwnSettings(),
    resume: bool = False,
    replace: bool = False,
    common: JobOptions = JobOptions(),
) -> None:
    """Train a sparse autoencoder or a transcoder, save it and evaluate it.

    It learns from an activation set, or from what a model makes of text meanwhile.

    Parameters
    ----------
    resume
        Go on with a training that was interrupted, with the settings that it was begun with.
    replace
        Put it in the place of an SAE, or of a training that was interrupted, of that name.
    """
    check_beginning(resume=resume, replace=replace)
    if not resume:
        source.check()
    said = source.said() | given(shape) | given(settings)
    if common.seed:
        said["seed"] = common.seed
    if common.device != "auto":
        said["device"] = common.device
    spec = _begun(name, common, said) if resume else p.Train(name=name, replace=replace, **said)
    common.run_and_print(spec)


def _begun(name: str, common: Common, said: dict[str, Any]) -> p.Train:
    """What the training was begun with, and what is said now: the engine compares them."""
    begun = common.run(lambda client: client.ask(p.GetBegun(name=name)))
    return msgspec.structs.replace(begun.spec, resume=True, **said)
