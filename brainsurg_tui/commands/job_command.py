"""Commands whose options follow from the fields of a kind of job.

Each field is declared once, in `engine.jobs.kinds`: name, type, default, choices and help of an
option come from there.
"""

import inspect
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter, Token, validators

from brainsurg_tui.commands.common import absolute, model_source
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
        fields = [f for f in p.kind_fields(kind) if f.setting.offered and f.name not in names]
        parameters = [
            *(one for one in own if one.kind is not one.VAR_KEYWORD and one.name != "common"),
            *(_parameter(field, field.name in lists, help_of(field)) for field in fields),
            *(one for one in own if one.name == "common"),
        ]
        parameters.sort(key=lambda one: one.kind)  # arguments before options
        signature = inspect.Signature(parameters)
        by_name = {field.name: field for field in fields}

        def run(*args: Any, **kwargs: Any) -> None:
            given = signature.bind(*args, **kwargs).arguments
            command(**{n: _spec_value(by_name.get(n), value) for n, value in given.items()})

        run.__name__ = command.__name__
        run.__doc__ = inspect.cleandoc(doc or kind.__doc__ or "")
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorate


def _parameter(field: p.KindField, is_list: bool, help: str) -> inspect.Parameter:
    """An argument for a required field that has no flag of its own, else an option."""
    setting = field.setting
    is_argument = field.required and not setting.flag
    choices = None if setting.choices is None else tuple(setting.choices())
    if is_list and choices:
        help = f"{help} [choices: {', '.join(choices)}]"
    how: dict[str, Any] = {"help": help, "consume_multiple": setting.meaning == "path"}
    if not is_argument:
        how["name"] = field.flag
    if setting.group:
        how["group"] = _group(field)
    if setting.least is not None:
        how["validator"] = validators.Number(gte=setting.least)
    if is_list:
        how |= {"converter": _split, "metavar": "A,B,…"}
    elif choices is not None:
        how["choices"] = choices
    type = field.list_type if is_list else _command_type(field)
    return inspect.Parameter(
        field.name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD if is_argument else inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if field.required else field.default,
        annotation=Annotated[type if field.required else type | None, Parameter(**how)],
    )


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
            return model_source(value)
        case "source":
            is_path = value.startswith((".", "/", "~")) or os.path.exists(value)
            return absolute(Path(value)) if is_path else value
    return value
