"""A sweep: a training for every combination of some settings, from one stream."""

import itertools
from pathlib import Path
from typing import Self

import msgspec
from msgspec.structs import force_setattr, replace

from engine.errors import UserError, join_words
from engine.figures import Figure
from engine.jobs.kinds.base import JobResult, JobSpec, register_kind
from engine.jobs.kinds.fields import KindField, kind_fields
from engine.jobs.kinds.train import Train
from engine.sae.training.checkpoint import newest_record
from engine.sae.traits import takers
from engine.workspace.folders import Workspace

__all__ = ["Sweep", "SweepResult", "SweepRun", "sweep_fields"]

Value = str | int | float

_FIRST_IN_NAMES = ("arch", "k")
"""The settings that the names of a sweep's SAEs begin with; the others follow as `Train` has them.
SAEs are found again by these names."""


class SweepRun(msgspec.Struct, frozen=True, kw_only=True):
    """One SAE of a sweep: the settings that it was trained with, and its figures."""

    name: str
    arch: str
    width: int
    k: float | None = None
    """Active features per token, or how many were aimed at; None where L1 decides."""
    l1: float | None = None
    lr: float
    metrics: dict[str, Figure]
    """As those of `TrainResult`."""
    fvu_front: bool = False
    """Whether no other of the sweep has both a lower L0 and a lower fvu (Pareto)."""
    ce_score_front: bool = False
    """Whether no other, of those whose CE score is known, has both a lower L0 and a higher one."""


class SweepResult(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="sweep"):
    """The SAEs of a sweep, the sparsest first; those that diverged are left out."""

    name: str
    runs: list[SweepRun]
    seconds: float


@register_kind
class Sweep(
    JobSpec,
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    tag="sweep",
    omit_defaults=True,
):
    """Train an SAE for every combination of some settings, and compare them.

    All learn from one stream of activations. What is listed is varied and stands in the names of
    the SAEs: with --k 16,32 --width 1024 they are NAME.k16.w1024 and NAME.k32.w1024.
    """

    work = "engine.jobs.work.sweep:sweep"
    result = SweepResult
    resumable = True
    is_training = True

    train: Train
    """What all have in common. The sweep is called as this is; with `resume`, what the sweep has
    trained already is kept."""
    axes: dict[str, list[Value]] = {}
    """What is varied: lists of values, by the names of fields of `Train`."""
    archs: list[str] = []
    widths: list[int] = []
    ks: list[int] = []
    l1s: list[float] = []
    lrs: list[float] = []
    """These five are how earlier versions stored axes. They are read, and become axes at once."""

    def __post_init__(self) -> None:
        earlier = {"arch": "archs", "width": "widths", "k": "ks", "l1": "l1s", "lr": "lrs"}
        axes = {name: getattr(self, old) for name, old in earlier.items() if getattr(self, old)}
        force_setattr(self, "axes", axes | self.axes)
        for old in earlier.values():
            force_setattr(self, old, [])

    @property
    def name(self) -> str:
        """What the sweep is called."""
        return self.train.name

    @property
    def subject(self) -> str:
        return self.name

    @property
    def details(self) -> str:
        varied = []
        for name, values in self.axes.items():
            label = "" if name == "arch" else f"{name} "
            varied.append(label + " ".join(map(_text, values)))
        return f"{self.train.details}; {', '.join(varied)}"

    def checkpoints(self, workspace: Workspace) -> Path:
        """The folder for where the sweep stands."""
        return workspace.checkpoints(f"{self.name}.sweep")

    def members(self) -> list[Train]:
        """The trainings: one for every combination of values, called `NAME.k16.w1024` and so on.

        An architecture is not varied in what it doesn't have. UserError for what none has, and for
        what can't be varied at all.
        """
        fields = self._varied_fields()
        archs = [str(arch) for arch in self.axes.get("arch") or [self.train.arch]]
        for field in fields:
            if takers(field.name) and not takers(field.name).keys() & set(archs):
                raise UserError(
                    f"{join_words(archs)} can't be varied in {field.name}.",
                    f"Leave out {field.flag}.",
                )
        found = {}
        for arch in archs:
            own = [f for f in fields if not takers(f.name) or arch in takers(f.name)]
            lists = [[arch] if f.name == "arch" else self.axes[f.name] for f in own]
            for values in itertools.product(*lists):
                settings = {f.name: value for f, value in zip(own, values, strict=True)}
                parts = [f"{f.setting.sweep}{_text(settings[f.name])}" for f in own]
                name = ".".join([self.name, *parts])
                found[name] = replace(self.train, name=name, **settings)
        return list(found.values())

    def _varied_fields(self) -> list[KindField]:
        """The fields that are varied, in the order of names. UserError for one that can't be, and
        for values that it can't have."""
        fields = {field.name: field for field in sweep_fields(type(self.train))}
        for name, values in self.axes.items():
            if name not in fields:
                raise UserError(f"A sweep can't vary {name}.", f"It can vary {', '.join(fields)}.")
            try:
                msgspec.convert(values, fields[name].list_type)
            except msgspec.ValidationError as error:
                raise UserError(f"{fields[name].flag} can't be varied so: {error}.") from error
        first = [name for name in _FIRST_IN_NAMES if self.axes.get(name)]
        return [fields[name] for name in dict.fromkeys([*first, *fields]) if self.axes.get(name)]

    def reads(self, workspace: Workspace) -> set[Path]:
        return self.train.reads(workspace)

    def makes(self, workspace: Workspace) -> set[Path]:
        return {workspace.sae(member.name) for member in self.members()}

    def check(self, workspace: Workspace) -> None:
        if not any(self.axes.values()):
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


def sweep_fields(training: type[Train] = Train) -> list[KindField]:
    """The fields of a training that a sweep can vary."""
    return [field for field in kind_fields(training) if field.setting.sweep is not None]


def _text(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
