from pathlib import Path

import pytest

from engine.errors import UserError
from engine.jobs.conflicts import check_conflicts
from engine.jobs.events import JobInfo
from engine.jobs.kinds import Capture, ImportActivations, JobSpec, Scan, Train
from engine.workspace.folders import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "ws")


def job(spec: JobSpec) -> JobInfo:
    return JobInfo(id=7, spec=spec, state="queued", created=0.0)


TWO_SITES = Capture(name="a", model="demo", sites=["resid_post.0", "mlp_out.1"])


def test_a_name_that_a_waiting_job_will_take_is_refused(workspace: Workspace) -> None:
    train = Train(name="r1", activations="a")
    again = Train(name="r1", activations="a", replace=True)
    taken: list[tuple[JobSpec, JobSpec]] = [
        (train, train),
        (again, train),
        (ImportActivations(name="a.mlp_out.1", folder="/x"), TWO_SITES),
    ]
    for spec, pending in taken:
        with pytest.raises(UserError, match="Job 7 is about to make"):
            check_conflicts(spec, [job(pending)], workspace)


def test_what_may_be_made_again_or_has_another_name_is_not_refused(workspace: Workspace) -> None:
    scan = Scan(sae="r1", activations="a")
    other = Train(name="a", activations="a")
    for spec, pending in ((scan, scan), (other, TWO_SITES)):
        check_conflicts(spec, [job(pending)], workspace)


def test_a_job_uses_every_folder_that_it_reads_or_makes(workspace: Workspace) -> None:
    assert TWO_SITES.makes(workspace) == {
        workspace.activations("a.resid_post.0"),
        workspace.activations("a.mlp_out.1"),
    }
    scan = Scan(sae="r1", activations="a")
    assert scan.reads(workspace) == {workspace.sae("r1"), workspace.activations("a")}
    assert scan.makes(workspace) == {workspace.catalogue("r1")}
