"""`capture`."""

from typing import Any

from brainsurg_tui.commands.common import wrong_usage
from brainsurg_tui.commands.job_command import common_fields, options_of
from brainsurg_tui.commands.job_options import JobOptions
from engine.service import protocol as p


@options_of(p.Capture)
def capture(*, common: JobOptions = JobOptions(), **values: Any) -> None:
    if len({"prompt_file", "texts", "dataset"} & values.keys()) != 1:
        wrong_usage("Give exactly one of --prompts, --text and --dataset.")
    common.run_and_print(p.Capture(**values, **common_fields(p.Capture, common)))
