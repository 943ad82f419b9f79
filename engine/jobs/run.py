"""From a spec to the function that does the job."""

import pkgutil

from engine.jobs.kinds import JobResult, JobSpec
from engine.jobs.kinds.base import registered_kinds
from engine.progress import Progress
from engine.workspace.folders import Workspace


def import_work() -> None:
    """Import what does the jobs of every kind, with torch, so that the first begins at once."""
    for kind in registered_kinds().values():
        pkgutil.resolve_name(kind.work)


def run(spec: JobSpec, workspace: Workspace, progress: Progress) -> JobResult:
    """Do a job in this process.

    Raises UserError, or Cancelled out of a call of `progress`.
    """
    spec.check(workspace)  # again: others ran since it was queued, and hours must not be lost
    result: JobResult = pkgutil.resolve_name(spec.work)(spec, workspace, progress)
    return result
