"""How front ends ask for the fields of a kind of job: as flags of its command, and in forms.

A field is declared once, in its kind: with a type, a default, a docstring that says what it is, and
a `Setting` for what these don't tell:

    width: Annotated[int | None, Setting(label="features", group="The autoencoder")] = None
    \"\"\"Number of features.\"\"\"
"""

import functools
from collections.abc import Callable, Iterable
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from engine.jobs.kinds.base import JobSpec


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a front end knows of a field beside its name, type, default and docstring."""

    label: str = ""
    """Its short name in forms; forms leave out a field without one."""
    group: str = ""
    """The heading under which a command's help lists it; empty: with the command's arguments."""
    flag: str = ""
    """Its flag without dashes, where that isn't the field's name. A required field that has one is
    given by it, and is an argument by its place otherwise."""
    meaning: Literal["", "path", "model", "source"] = ""
    """What a text names: a `path`, which becomes absolute; a `model`, which may be a folder; a
    `source`, which may be a path or stand on the Hugging Face hub."""
    choices: Callable[[], Iterable[str]] | None = None
    """The texts that make sense, where not every one does."""
    least: int | None = None
    """The smallest number that makes sense."""
    sweep: str | None = None
    """What stands before its value in the names of a sweep's SAEs, such as k for NAME.k16. None: a
    sweep can't vary it."""
    offered: bool = True
    """Whether commands have it; some fields are for programs alone."""


class KindField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a kind of job."""

    kind: type[JobSpec]
    name: str
    type: Any
    """`int`, `float`, `bool`, `str` or a list of one of these; None is left out of it."""
    required: bool
    default: Any
    """None for a required field."""
    setting: Setting

    @property
    def help(self) -> str:
        """What it is: its docstring in one line."""
        kind: Any = self.kind
        return _docstrings(kind).get(self.name, "")

    @property
    def list_type(self) -> Any:
        """The type of several of its values."""
        return GenericAlias(list, (self.type,))

    @property
    def flag(self) -> str:
        """Its flag on the command line, such as `--max-tokens`."""
        return "--" + (self.setting.flag or self.name).replace("_", "-")


def kind_fields(kind: type[JobSpec]) -> list[KindField]:
    """All fields of a kind, those that it shares with others first, then in their order."""
    hints = get_type_hints(kind, include_extras=True)
    return [
        KindField(
            kind=kind,
            name=field.name,
            type=_without_none(hints[field.name]),
            required=field.required,
            default=_default(field),
            setting=_setting(hints[field.name]),
        )
        for field in msgspec.structs.fields(cast("type[msgspec.Struct]", kind))
    ]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.default is msgspec.NODEFAULT else field.default


def _setting(hint: Any) -> Setting:
    annotations = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((one for one in annotations if isinstance(one, Setting)), Setting())


def _without_none(hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    return hint


@functools.cache
def _docstrings(kind: type) -> dict[str, str]:
    """The docstrings under the fields of a class and of those that it inherits from."""
    from inspect import cleandoc

    from docstring_parser import parse_from_object

    return {
        parameter.arg_name: " ".join(cleandoc(parameter.description or "").split())
        for base in reversed(kind.__mro__)
        if issubclass(base, JobSpec)
        for parameter in parse_from_object(base).params
    }
