"""Commands whose options follow from the fields of a kind of job.

Each field is declared once, in `engine.jobs.kinds`: name, type, default, choices and help of an
option come from there.
"""

import inspect
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter, Token, validators

from brainsurg_tui.commands.common import absolute
from brainsurg_tui.commands.job_options import JobOptions
from engine.service import protocol as p

Command = Callable[..., None]

_COMMON = ("device", "seed")
"""Fields that `JobOptions` fills."""


def job_command(kind: type[p.JobSpec]) -> Command:
    """The command that does one job of this kind. Its arguments are the kind's required fields, its
    options the others; its help is the kind's docstring."""

    @options_of(kind)
    def command(*, common: JobOptions = JobOptions(), **values: Any) -> None:
        common.run_and_print(kind(**values, **common_fields(kind, common)))

    return command


def common_fields(kind: type[p.JobSpec], common: JobOptions) -> dict[str, Any]:
    """The device and the seed, where a kind has them."""
    names = {field.name for field in p.kind_fields(kind)}
    return {name: getattr(common, name) for name in _COMMON if name in names}


def options_of(
    kind: type[p.JobSpec],
    *,
    leave_out: Collection[str] = (),
    lists: Collection[str] = (),
    help_of: Callable[[p.KindField], str] = lambda field: field.help,
    doc: str | None = None,
) -> Callable[[Command], Command]:
    """Give a command an option for each field of a kind, but for those that it has a parameter for
    and those in `leave_out`.

    The command gets as `**values` what was given of them, by the fields' names. Fields in `lists`
    take several values with commas between. The command's help is `doc`, or the kind's docstring.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command).parameters.values()
        names = {*leave_out, *_COMMON, *(parameter.name for parameter in own)}
        options = [
            _Option(field, is_list=field.name in lists)
            for field in p.kind_fields(kind)
            if field.setting.offered and field.name not in names
        ]
        return _Command(command, own, options, help_of, doc or kind.__doc__ or "")

    return decorate


@dataclass(frozen=True)
class _Option:
    """A field as a command has it."""

    field: p.KindField
    is_list: bool

    def parameter(self) -> inspect.Parameter:
        """An argument for a required field that has no flag of its own, else an option."""
        field, setting = self.field, self.field.setting
        is_argument = field.required and not setting.flag
        how: dict[str, Any] = {"consume_multiple": setting.meaning == "path"}
        if not is_argument:
            how["name"] = field.flag
        if setting.group:
            how["group"] = _group(field)
        if setting.least is not None:
            how["validator"] = validators.Number(gte=setting.least)
        if self.is_list:
            how |= {"converter": _split, "metavar": "A,B,…"}
        elif setting.choices is not None:
            how["choices"] = tuple(setting.choices())
        type = field.list_type if self.is_list else _command_type(field)
        return inspect.Parameter(
            field.name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD
            if is_argument
            else inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.required else field.default,
            annotation=Annotated[type if field.required else type | None, Parameter(**how)],
        )

    def help(self, help_of: Callable[[p.KindField], str]) -> str:
        """What the field is, and the choices where the parser of a list doesn't know them."""
        text = help_of(self.field)
        if self.is_list and self.field.setting.choices is not None:
            text += f" [choices: {', '.join(self.field.setting.choices())}]"
        return text


class _Command:
    """A function with further options, as cyclopts takes it."""

    def __init__(
        self,
        function: Command,
        own: Iterable[inspect.Parameter],
        options: Sequence[_Option],
        help_of: Callable[[p.KindField], str],
        doc: str,
    ) -> None:
        parameters = [
            *(one for one in own if one.kind is not one.VAR_KEYWORD and one.name != "common"),
            *(option.parameter() for option in options),
            *(one for one in own if one.name == "common"),
        ]
        parameters.sort(key=lambda one: one.kind)  # arguments before options
        self._function = function
        self._options = options
        self._fields = {option.field.name: option.field for option in options}
        self._help_of = help_of
        self._doc = inspect.cleandoc(doc)
        self.__name__ = function.__name__
        self.__signature__ = inspect.Signature(parameters)
        self.__annotations__ = {one.name: one.annotation for one in parameters}

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        """What --help shows. It is put together when it is asked for: to read the docstrings of
        fields takes a tenth of the time in which a command starts."""
        helps = [f"{o.field.name}\n    {o.help(self._help_of)}" for o in self._options]
        return "\n".join([self._doc, "", "Parameters", "----------", *helps])

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        given = self.__signature__.bind(*args, **kwargs).arguments
        values = {name: _spec_value(self._fields.get(name), value) for name, value in given.items()}
        self._function(**values)


def _group(field: p.KindField) -> Group:
    """The heading above an option; headings stand in the order in which their fields begin."""
    titles = dict.fromkeys(one.setting.group for one in p.kind_fields(field.kind))
    return Group(field.setting.group, sort_key=[*titles].index(field.setting.group))


def _command_type(field: p.KindField) -> Any:
    if field.setting.meaning != "path":
        return field.type
    return Path if field.type is str else list[Path]


def _split(kind: Any, tokens: Sequence[Token]) -> list[Any]:
    """Values with commas between, as `kind` (a list of something, or None) has them."""
    (element,) = kind.__args__
    text = ",".join(token.value for token in tokens)
    try:
        return [element(part) for part in map(str.strip, text.split(",")) if part]
    except ValueError:
        example = "16,32" if element is int else "0.1,0.3"
        raise ValueError(f"{text!r} is no list such as {example}.") from None


def _spec_value(field: p.KindField | None, value: Any) -> Any:
    """A value as a spec has it: paths mean the same in the engine's process."""
    if field is None:
        return value
    if isinstance(value, list):
        return [_spec_value(field, one) for one in value]
    match field.setting.meaning:
        case "path":
            return absolute(value)
        case "model":
            return p.absolute_source(value)
        case "source":
            is_path = value.startswith((".", "/", "~")) or os.path.exists(value)
            return absolute(Path(value)) if is_path else value
    return value
