"""Commands whose work is a job: submit it, and tell what it made."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from brainsurg_tui.commands.common import OPTIONS_OF_ALL, Common
from brainsurg_tui.commands.following import run_job
from brainsurg_tui.commands.tables.jobs import job_row, made
from brainsurg_tui.commands.tables.parts import show
from engine.service import protocol as p

if TYPE_CHECKING:
    from engine.service.client import Client


@Parameter(name="*", group=OPTIONS_OF_ALL)
@dataclass(frozen=True, kw_only=True)
class JobOptions(Common):
    """Options of every sub-command whose work is a job."""

    detach: Annotated[bool, Parameter(group="Parameters")] = False
    """Queue the job, print its id and return."""

    def do(self, spec: p.JobSpec) -> None:
        """Run a job to its end and tell what it made; with --detach queue it and tell its id."""
        outcome = self.run(lambda client: self._outcome(client, spec))
        if isinstance(outcome, p.JobInfo):
            self.tell(job_row(outcome), lambda: print(outcome.id))
        else:
            tell_made(self, outcome)

    async def _outcome(self, client: "Client", spec: p.JobSpec) -> p.JobResult | p.JobInfo:
        if self.detach:
            return await client.ask(p.Submit(spec=spec))
        return await run_job(client, spec)


def tell_made(common: Common, result: p.JobResult) -> None:
    """Print what a job made."""
    common.tell(result, lambda: show(*made(result)))
