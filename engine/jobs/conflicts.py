"""Two jobs that would make the same."""

from collections.abc import Iterable

from engine.errors import UserError
from engine.jobs.events import JobInfo
from engine.jobs.kinds import JobSpec
from engine.workspace.folders import Workspace


def check_conflicts(spec: JobSpec, pending: Iterable[JobInfo], workspace: Workspace) -> None:
    """Raise UserError if one of the `pending` jobs is to make what `spec` would make."""
    if spec.replaces:
        return
    for job in pending:
        for path in spec.makes(workspace) & job.spec.makes(workspace):
            raise UserError(f"Job {job.id} is about to make {path}.", "Choose another name.")
