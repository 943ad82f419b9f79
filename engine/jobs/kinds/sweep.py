"""A sweep: a training for every combination of some settings, from one stream."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec
from msgspec.structs import replace

from engine.errors import UserError
from engine.jobs.kinds.base import JobResult, JobSpec, register_kind
from engine.jobs.kinds.train import Train
from engine.sae.architectures.traits import takers
from engine.sae.training.checkpoint import newest_record
from engine.workspace.folders import Workspace

__all__ = ["Sweep", "SweepResult", "SweepRun"]

_SIGNS = {"k": "k", "width": "w", "l1": "l1-", "lr": "lr"}
"""Fields of `Train` that a sweep can vary, and how a name tells their values."""


class SweepRun(msgspec.Struct, frozen=True, kw_only=True):
    """One SAE of a sweep: the settings that it was trained with, and its figures."""

    name: str
    arch: str
    width: int
    k: float | None = None
    """Active features per token, or how many were aimed at; None where L1 decides."""
    l1: float | None = None
    lr: float
    metrics: dict[str, float]
    """As those of `TrainResult`."""
    fvu_front: bool = False
    """Whether no other of the sweep has both a lower L0 and a lower fvu (Pareto)."""
    ce_score_front: bool = False
    """The same with a higher CE score, among those for which it is known."""


class SweepResult(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="sweep"):
    """The SAEs of a sweep, the sparsest first; those that diverged are left out."""

    name: str
    runs: list[SweepRun]
    seconds: float


@register_kind
class Sweep(JobSpec, msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="sweep"):
    """Train an SAE for every combination of some settings, from one stream, and compare them.

    What is listed is varied, and is in the names of what comes of it: `NAME.k16.w1024`.
    """

    work = "engine.jobs.work.sweep:sweep"
    result = SweepResult
    resumable = True
    is_training = True

    train: Train
    """What all have in common. The sweep is called as this is; with `resume`, what the sweep has
    trained already is kept."""
    archs: list[str] = []
    widths: list[int] = []
    ks: list[int] = []
    """For architectures that have a k, and as the L0 to aim at (jumprelu)."""
    l1s: list[float] = []
    """For architectures that have a sparsity penalty."""
    lrs: list[float] = []

    @property
    def name(self) -> str:
        """What the sweep is called."""
        return self.train.name

    @property
    def subject(self) -> str:
        return self.name

    @property
    def details(self) -> str:
        listed: dict[str, Sequence[float]] = {
            "k": self.ks,
            "features": self.widths,
            "l1": self.l1s,
            "lr": self.lrs,
        }
        varied = [" ".join(self.archs)] if self.archs else []
        for name, values in listed.items():
            if values:
                varied.append(f"{name} {' '.join(f'{value:g}' for value in values)}")
        return f"{self.train.details}; {', '.join(varied)}"

    def checkpoints(self, workspace: Workspace) -> Path:
        """The folder for where the sweep stands."""
        return workspace.checkpoints(f"{self.name}.sweep")

    def members(self) -> list[Train]:
        """What is to be trained: `NAME.k16.w1024` and so on, by what the sweep lists.

        An architecture is not varied in what it doesn't have. Raises UserError for what none has.
        """
        base = self.train
        archs = self.archs or [base.arch]
        _check_used("k", self.ks, archs)
        _check_used("l1", self.l1s, archs)
        found = {}
        for arch in archs:
            listed: dict[str, Sequence[float]] = {
                "k": self.ks if arch in takers("k") else [],
                "width": self.widths,
                "l1": self.l1s if arch in takers("l1") else [],
                "lr": self.lrs,
            }
            varied = {field: values for field, values in listed.items() if values}
            for values in itertools.product(*varied.values()):
                chosen = dict(zip(varied, values, strict=True))
                parts = [base.name, *([arch] if self.archs else []), *map(_sign, chosen.items())]
                name = ".".join(parts)
                found[name] = replace(base, name=name, arch=arch, **chosen)
        return list(found.values())

    def reads(self, workspace: Workspace) -> set[Path]:
        return self.train.reads(workspace)

    def makes(self, workspace: Workspace) -> set[Path]:
        return {workspace.sae(member.name) for member in self.members()}

    def check(self, workspace: Workspace) -> None:
        if not (self.archs or self.widths or self.ks or self.l1s or self.lrs):
            raise UserError("Nothing is varied.", "Give --k 16,32 or so, or train a single SAE.")
        if self.train.devices != 1:
            raise UserError("A sweep is trained on one device.", "Leave --devices out.")
        anew = not (self.train.resume or self.train.replace)
        if anew and newest_record(self.checkpoints(workspace)) is not None:
            raise UserError(
                f"The sweep {self.name} was begun before.",
                "Go on with it with --resume, or begin anew with --replace.",
            )
        for member in self.members():
            # that a name is taken counts only for a sweep that begins: the job itself looks closer
            replace(member, resume=False, replace=not anew).check(workspace)

    def resumed_spec(self, workspace: Workspace) -> Self:
        return replace(self, train=replace(self.train, resume=True))


def _check_used(name: str, values: Sequence[float], archs: list[str]) -> None:
    if values and not takers(name).keys() & set(archs):
        raise UserError(f"{' and '.join(archs)} can't be varied in {name}.", f"Leave out --{name}.")


def _sign(setting: tuple[str, float]) -> str:
    field, value = setting
    return f"{_SIGNS[field]}{value}" if isinstance(value, int) else f"{_SIGNS[field]}{value:g}"
