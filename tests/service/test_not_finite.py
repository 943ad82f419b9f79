"""Figures that are no finite numbers, in all that a workspace holds: it is read all the same."""

import json
import math
from pathlib import Path

from engine.jobs.events import Progressed
from engine.jobs.kinds import SweepResult, SweepRun, Train, TrainResult
from engine.jobs.store import JobStore
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import save_sae
from engine.workspace.database import open_database
from engine.workspace.folders import Workspace
from tests.service.runner import Runner

METRICS: dict[str, float | None] = {"loss": 2.0, "fvu": math.nan, "grad_norm": math.inf}


def test_a_workspace_with_figures_that_are_not_finite_is_read(
    brainsurg: Runner, tmp_path: Path
) -> None:
    workspace = Workspace.open(brainsurg.workspace)
    store = JobStore(open_database(workspace.database))
    job, _ = store.add(Train(name="d", activations="acts"))
    store.record(job.id, Progressed(phase="train", done=1, total=9, metrics=METRICS))
    result = TrainResult(
        name="d", arch="topk", d_in=8, d_sae=16, steps=9, tokens=90, tokens_per_second=1,
        metrics=METRICS,
    )  # fmt: skip
    store.set_state(job.id, "done", result=result)
    run = SweepRun(name="s.k1", arch="topk", width=16, lr=1e-3, metrics=METRICS)
    sweep, _ = store.add(Train(name="s", activations="acts"))
    store.set_state(sweep.id, "done", result=SweepResult(name="s", runs=[run], seconds=1))
    sae = build(SAEConfig(architecture="topk", d_in=8, d_sae=16, k=2), seed=0)
    save_sae(sae, workspace.sae("d"), SAEMetadata(metrics=METRICS))

    assert len(brainsurg.json("jobs")["jobs"]) == 2
    assert brainsurg.json("jobs", "follow", job.id)["metrics"]["grad_norm"] is None
    assert brainsurg.json("jobs", "follow", sweep.id)["runs"][0]["metrics"]["fvu"] is None
    for id in (job.id, sweep.id):
        assert "–" in brainsurg.shows("jobs", "follow", id)
    brainsurg.shows("jobs", "export", job.id, tmp_path)
    (line,) = (tmp_path / f"job-{job.id}.jsonl").read_text().splitlines()
    assert json.loads(line)["grad_norm"] is None
    (found,) = brainsurg.json("contents")["saes"]
    assert found["metrics"] == {"loss": 2.0, "fvu": None, "grad_norm": None}
    assert "–" in brainsurg.shows("contents")
