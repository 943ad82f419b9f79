"""`train`."""

from typing import Any

import msgspec

from brainsurg_tui.commands.job_command import options_of
from brainsurg_tui.commands.job_options import JobOptions
from brainsurg_tui.commands.training import check_source, check_start, setting_help
from engine.service import protocol as p


@options_of(p.Train, help_of=setting_help)
def train(*, common: JobOptions = JobOptions(), **settings: Any) -> None:
    check_start(settings)
    if common.seed:
        settings["seed"] = common.seed
    if common.device != "auto":
        settings["device"] = common.device
    if settings.get("resume"):
        common.run_and_print(_resumed_spec(common, settings))
    else:
        check_source(settings)
        common.run_and_print(p.Train(**settings))


def _resumed_spec(common: JobOptions, settings: dict[str, Any]) -> p.Train:
    """What the training was started with, and what is given now: the engine compares them."""
    start = common.run(lambda client: client.ask(p.GetTrainingCheckpoint(name=settings["name"])))
    return msgspec.structs.replace(start.spec, **settings)
