"""`sweep`."""

from typing import Annotated, Any

from cyclopts import Parameter

from brainsurg_tui.commands.job_command import common_fields, options_of
from brainsurg_tui.commands.job_options import JobOptions
from brainsurg_tui.commands.training import check_source, check_start, setting_help
from engine.service import protocol as p

AXES = frozenset(field.name for field in p.sweep_fields())
"""The settings that take a list here."""


@options_of(
    p.Train,
    lists=AXES,
    leave_out=("devices", "shards"),  # the trainings of a sweep share one device
    help_of=setting_help,
    doc=p.Sweep.__doc__,
)
def sweep(
    name: Annotated[str, Parameter(help="What the names of the SAEs begin with.")],
    *,
    resume: Annotated[
        bool,
        Parameter(help="Keep what the sweep of this name has trained, and go on with the rest."),
    ] = False,
    replace: Annotated[
        bool, Parameter(help="Put them in the place of SAEs of their names.")
    ] = False,
    common: JobOptions = JobOptions(),
    **settings: Any,
) -> None:
    start: dict[str, Any] = {"name": name, "resume": resume, "replace": replace}
    check_start(start)
    check_source(settings)
    axes = {name: settings.pop(name) for name in AXES & settings.keys()}
    train = p.Train(**start, **settings, **common_fields(p.Train, common))
    common.run_and_print(p.Sweep(train=train, axes=axes))
