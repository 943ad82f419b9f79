"""From a spec to the function that does the job."""

import pkgutil

from engine.jobs.kinds import JobResult, JobSpec
from engine.progress import Progress
from engine.workspace.folders import Workspace


def run(spec: JobSpec, workspace: Workspace, progress: Progress) -> JobResult:
    """Do the job in this process, which imports torch for most kinds.

    Raises UserError, or Cancelled out of a call of `progress`.
    """
    spec.check(workspace)  # again: others ran since it was queued, and hours must not be lost
    result: JobResult = pkgutil.resolve_name(spec.work)(spec, workspace, progress)
    return result
