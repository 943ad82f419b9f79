"""What holds for every kind of job, and what it takes to add one."""

import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest

from engine.errors import UserError
from engine.jobs.conflicts import check_conflicts
from engine.jobs.kinds import JobResult, JobSpec
from engine.jobs.kinds.base import _KINDS, _RESULTS, register_kind, registered_kinds
from engine.jobs.run import run
from engine.jobs.store import JobStore
from engine.progress import SILENT, Progress
from engine.service.protocol import (
    Finished,
    RunJob,
    Submit,
    decode_request,
    encode_body,
    pack,
    unpack,
)
from engine.service.protocol.frames import Ask
from engine.workspace.database import open_database
from engine.workspace.folders import Workspace


@pytest.mark.parametrize("kind", registered_kinds().values(), ids=registered_kinds().keys())
def test_what_does_the_work_takes_the_spec_and_returns_the_result(kind: type[JobSpec]) -> None:
    hints = get_type_hints(pkgutil.resolve_name(kind.work))
    assert list(hints.values()) == [kind, Workspace, Progress, kind.result]


def test_the_kinds_of_0_1_0_are_still_there() -> None:
    assert {
        *("capture", "import-activations", "export-activations", "import-sae", "export-sae"),
        *("train", "sweep", "scan", "evaluate", "export-features"),
    } <= registered_kinds().keys()


class DistilResult(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="distil"):
    loss: float


@pytest.fixture
def distil() -> Iterator[type[JobSpec]]:
    """A kind of job that is known while a test runs."""

    @register_kind
    class Distil(
        JobSpec, msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="distil"
    ):
        work = f"{__name__}:run_distil"
        result = DistilResult

        name: str
        temperature: float = 1.0

        @property
        def subject(self) -> str:
            return self.name

        def check(self, workspace: Workspace) -> None:
            if self.temperature <= 0:
                raise UserError("A temperature is above 0.")

        def makes(self, workspace: Workspace) -> set[Path]:
            return {workspace.sae(self.name)}

    yield Distil
    del _KINDS["distil"], _RESULTS["distil"]


def run_distil(spec: JobSpec, workspace: Workspace, progress: Progress) -> DistilResult:
    progress("distil", 1, 1)
    return DistilResult(loss=0.5)


def test_a_new_kind_is_checked_queued_stored_sent_and_run(
    distil: type[JobSpec], tmp_path: Path
) -> None:
    workspace = Workspace.open(tmp_path / "ws")
    spec = msgspec.convert({"kind": "distil", "name": "small"}, distil)
    assert spec.title == "distil small"
    with pytest.raises(UserError, match="above 0"):
        run(msgspec.structs.replace(spec, temperature=0.0), workspace, SILENT)

    ask = unpack(pack(Ask(id=1, request=encode_body(Submit(spec=spec)))))
    assert isinstance(ask, Ask)
    assert decode_request(ask) == Submit(spec=spec)

    store = JobStore(open_database(workspace.database))
    job, _ = store.add(spec)
    assert store.all() == [job]
    assert job.spec == spec
    with pytest.raises(UserError, match="Job 1 is about to make"):
        check_conflicts(spec, store.pending(), workspace)

    sent = unpack(pack(RunJob(job=job.id, spec=spec)))
    assert isinstance(sent, RunJob)
    finished = unpack(pack(Finished(run(sent.spec, workspace, SILENT))))
    assert finished == Finished(DistilResult(loss=0.5))
    store.set_state(job.id, "done", result=finished.result)
    assert store.get(job.id).result == DistilResult(loss=0.5)
