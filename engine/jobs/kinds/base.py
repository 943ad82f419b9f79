"""What every kind of job is: a msgspec struct of what is asked, and what can be said of it.

A spec is all that a job depends on: it is stored with the job, so that the job can be read,
repeated or explained later. Paths in a spec are absolute; whoever builds one resolves them.

A new kind is a subclass of `JobSpec`, registered where it is defined with `@register_kind`. What
does its work stands elsewhere, since that may need torch: a kind names it by a dotted path.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import msgspec
from msgspec.structs import StructConfig

from engine.errors import UserError
from engine.workspace.folders import Workspace


class JobResult:
    """What a job has made. Each kind of job names a subclass, which is a tagged msgspec struct."""

    __slots__ = ()
    __struct_config__: ClassVar[StructConfig]


class JobSpec:
    """What a job is asked to do. Each kind of job is a subclass, which is a tagged msgspec struct.

    No struct itself, so that the kinds are an open set: msgspec has the kind of what it reads
    looked up by `decode_hook`.
    """

    __slots__ = ()
    __struct_config__: ClassVar[StructConfig]

    work: ClassVar[str]
    """The function that does the job, as `module:function`: called in a worker with the spec, the
    workspace and a `Progress`, it returns a `result`."""
    result: ClassVar[type[JobResult]]
    """What comes of the job."""
    resumable: ClassVar[bool] = False
    """Whether it saves where it stands, and can go on after an interruption."""
    is_training: ClassVar[bool] = False
    """Whether its progress carries metrics of a training: loss and others, drawn as curves."""
    replaces: ClassVar[bool] = False
    """Whether it may be queued while another job is about to make the same: it replaces that."""

    @property
    def kind(self) -> str:
        """The tag of the kind: `train`, `scan` and so on."""
        return str(self.__struct_config__.tag)

    @property
    def subject(self) -> str:
        """The name of what the job makes or reads."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """The job in a few words, for lists."""
        return f"{self.kind} {self.subject}"

    @property
    def details(self) -> str:
        """What was asked beside the title, in a line; may be empty."""
        return ""

    def check(self, workspace: Workspace) -> None:
        """Raise UserError for a job that can't succeed, as far as can be seen without torch.

        It is checked before it is queued, so that a mistake is told at once and not minutes later,
        and again before it runs.
        """

    def reads(self, workspace: Workspace) -> set[Path]:
        """The folders of the workspace that the job reads. Raises UserError where one of them is
        named only by something that is gone."""
        return set()

    def makes(self, workspace: Workspace) -> set[Path]:
        """The folders that the job makes."""
        return set()

    def resumed_spec(self, workspace: Workspace) -> Self:
        """What to do to bring the job to its end after it was interrupted; of a resumable kind."""
        return self

    def resume_hint(self, id: int) -> str:
        """What to do about job `id`, which has this spec and was interrupted; empty if it can only
        be done anew."""
        return f"Go on with: brainsurg jobs resume {id}" if self.resumable else ""


class DeviceSpec(JobSpec, msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """A job that computes with tensors."""

    device: str = "auto"
    """Where tensors live: `auto`, `cpu`, `cuda` or `cuda:N`."""
    seed: int = 0
    """Seeds every random choice of the job."""


_KINDS: dict[str, type[JobSpec]] = {}
_RESULTS: dict[str, type[JobResult]] = {}

Kind = TypeVar("Kind", bound=type[JobSpec])
Class = TypeVar("Class", JobSpec, JobResult)


def register_kind(kind: Kind) -> Kind:
    """Make a kind known to the queue, and to all that reads specs and results."""
    _KINDS[str(kind.__struct_config__.tag)] = kind
    _RESULTS[str(kind.result.__struct_config__.tag)] = kind.result
    return kind


def registered_kinds() -> Mapping[str, type[JobSpec]]:
    """Every kind of job that can be asked for, by its tag: `train`, `scan` and so on."""
    return _KINDS


class UnreadableSpec(
    JobSpec, msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="unreadable"
):
    """Stands for the spec of a stored job that this version can't read."""

    stored: str
    """The JSON that is stored."""
    why: str
    """Why it can't be read, in a sentence."""

    @property
    def subject(self) -> str:
        return "job"

    @property
    def details(self) -> str:
        return self.why

    def check(self, workspace: Workspace) -> None:
        raise UserError(f"This version can't read what the job is to do: {self.why}")


class _Tags(msgspec.Struct, frozen=True):
    """What tells the class of a stored spec, and of a stored result."""

    kind: str = ""
    type: str = ""


def decode_spec(stored: str) -> JobSpec:
    """A spec from its JSON; an `UnreadableSpec` where this version doesn't know its kind."""
    try:
        kind = _class_of(msgspec.json.decode(stored, type=_Tags).kind, _KINDS, "job")
        return msgspec.json.decode(stored, type=kind)
    except msgspec.DecodeError as error:
        return UnreadableSpec(stored=stored, why=f"{error}.")


def decode_result(stored: str) -> JobResult | None:
    """A result from its JSON; None where this version doesn't know its kind."""
    try:
        result = _class_of(msgspec.json.decode(stored, type=_Tags).type, _RESULTS, "result")
        return msgspec.json.decode(stored, type=result)
    except msgspec.DecodeError:
        return None


def decode_hook(wanted: type, value: Any) -> Any:
    """The `dec_hook` by which msgspec reads fields of type `JobSpec` and `JobResult`."""
    tags = msgspec.convert(value, _Tags)
    if wanted is JobSpec:
        kinds = _KINDS | {"unreadable": UnreadableSpec}
        return msgspec.convert(value, _class_of(tags.kind, kinds, "job"), str_keys=True)
    if wanted is JobResult:
        return msgspec.convert(value, _class_of(tags.type, _RESULTS, "result"), str_keys=True)
    raise NotImplementedError(f"{wanted.__name__} can't be read from a message")


def _class_of(tag: str, classes: Mapping[str, type[Class]], what: str) -> type[Class]:
    if tag not in classes:
        raise msgspec.ValidationError(f"There is no kind of {what} {tag!r}")
    return classes[tag]
