"""Commands whose work is a job: submit it, and print its result."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from brainsurg_tui.commands.common import OPTIONS_OF_ALL, Common
from brainsurg_tui.commands.progress import run_job
from brainsurg_tui.commands.tables.jobs import job_row
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client


@Parameter(name="*", group=OPTIONS_OF_ALL)
@dataclass(frozen=True, kw_only=True)
class JobOptions(Common):
    """Options of every sub-command whose work is a job."""

    detach: Annotated[bool, Parameter(group="Parameters")] = False
    """Queue the job, print its id and return."""

    def run_and_print(self, spec: p.JobSpec) -> None:
        """Run a job to its end and print its result; with --detach queue it and print its id."""
        outcome = self.run(lambda client: self._outcome(client, spec))
        if isinstance(outcome, p.JobInfo):
            self.print_result(job_row(outcome), lambda: print(outcome.id))
        else:
            self.print_result(outcome)

    async def _outcome(self, client: "Client", spec: p.JobSpec) -> p.JobResult | p.JobInfo:
        if self.detach:
            return await client.ask(p.Submit(spec=spec))
        return await run_job(client, spec)
