"""The trainings of a sweep: every combination of its settings (no torch here)."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.errors import UserError
from engine.jobs.specs import Resumable, Scan, Sweep, Train
from engine.jobs.train_checks import again as train_again
from engine.jobs.train_checks import check_train
from engine.sae.architectures.traits import takers
from engine.sae.training.checkpoint import newest_record
from engine.workspace.folders import Workspace

_SIGNS = {"k": "k", "width": "w", "l1": "l1-", "lr": "lr"}
"""Fields of `Train` that a sweep can vary, and how a name tells their values."""


def members(spec: Sweep) -> list[Train]:
    """What is to be trained: `NAME.k16.w1024` and so on, by what the sweep lists.

    An architecture is not varied in what it doesn't have. Raises UserError for what none has.
    """
    base = spec.train
    archs = spec.archs or [base.arch]
    _check_used("k", spec.ks, archs)
    _check_used("l1", spec.l1s, archs)
    found = {}
    for arch in archs:
        listed: dict[str, Sequence[float]] = {
            "k": spec.ks if arch in takers("k") else [],
            "width": spec.widths,
            "l1": spec.l1s if arch in takers("l1") else [],
            "lr": spec.lrs,
        }
        varied = {field: values for field, values in listed.items() if values}
        for values in itertools.product(*varied.values()):
            chosen = dict(zip(varied, values, strict=True))
            parts = [base.name, *([arch] if spec.archs else []), *map(_sign, chosen.items())]
            name = ".".join(parts)
            found[name] = msgspec.structs.replace(base, name=name, arch=arch, **chosen)
    return list(found.values())


def check_sweep(spec: Sweep, workspace: Workspace) -> None:
    """Raise UserError for a sweep in which a training can't succeed."""
    if not (spec.archs or spec.widths or spec.ks or spec.l1s or spec.lrs):
        raise UserError("Nothing is varied.", "Give --k 16,32 or so, or train a single SAE.")
    if spec.train.devices != 1:
        raise UserError("A sweep is trained on one device.", "Leave --devices out.")
    anew = not (spec.train.resume or spec.train.replace)
    if anew and newest_record(checkpoints(spec, workspace)) is not None:
        raise UserError(
            f"The sweep {spec.name} was begun before.",
            "Go on with it with --resume, or begin anew with --replace.",
        )
    for member in members(spec):
        # that a name is taken counts only for a sweep that begins: the job itself looks closer
        check_train(msgspec.structs.replace(member, resume=False, replace=not anew), workspace)


def checkpoints(spec: Sweep, workspace: Workspace) -> Path:
    """The folder for where a sweep stands."""
    return workspace.checkpoints(f"{spec.name}.sweep")


def again(spec: Resumable, workspace: Workspace) -> Resumable:
    """What to do to bring something to its end that was interrupted."""
    if isinstance(spec, Scan):
        return spec
    if isinstance(spec, Sweep):
        return msgspec.structs.replace(spec, train=msgspec.structs.replace(spec.train, resume=True))
    return train_again(spec, workspace)


def _check_used(name: str, values: Sequence[float], archs: list[str]) -> None:
    if values and not takers(name).keys() & set(archs):
        raise UserError(f"{' and '.join(archs)} can't be varied in {name}.", f"Leave out --{name}.")


def _sign(setting: tuple[str, float]) -> str:
    field, value = setting
    return f"{_SIGNS[field]}{value}" if isinstance(value, int) else f"{_SIGNS[field]}{value:g}"
