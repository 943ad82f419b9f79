"""The commands of kinds of job that need nothing but what `job_command` derives.

`brainsurg_tui.commands.kinds:import_sae` is the command of the kind `import-sae`.
"""

from brainsurg_tui.commands.job_command import Command, job_command
from engine.service import protocol as p


def __getattr__(name: str) -> Command:
    kind = p.registered_kinds().get(name.replace("_", "-"))
    if kind is None:
        raise AttributeError(name)
    return job_command(kind)
