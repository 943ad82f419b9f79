"""Jobs of every kind that are killed at any of their file operations end with the same bytes.

Of the operations of each kind some are tried here, and all with BRAINSURG_ALL_KILLS=1.

What a kill leaves is mended as the engine does when it starts; the job is resumed or done again.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.activations.seed.format import export_seed_activations
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import Manifest
from engine.activations.store.writer import ActivationWriter
from engine.errors import UserError
from engine.jobs.kinds import (
    Evaluate,
    ExportActivations,
    ExportFeatures,
    ExportSAE,
    ImportActivations,
    ImportSAE,
    JobSpec,
    Scan,
    Sweep,
    Train,
)
from engine.jobs.kinds.base import registered_kinds
from engine.jobs.run import run
from engine.progress import SILENT
from engine.sae.training.checkpointer import Checkpointer
from engine.workspace.folders import Workspace
from tests.killing import Left, contents, left_by_kills

D = 32
SOME = 12
ALL = bool(os.environ.get("BRAINSURG_ALL_KILLS"))
TRAIN: dict[str, Any] = {
    "activations": "acts", "width": 20, "k": 4, "tokens": 120, "batch": 40, "device": "cpu",
    "checkpoint_minutes": 0.0,
}  # fmt: skip
OLDER = {**TRAIN, "seed": 5}


@pytest.fixture(autouse=True)
def whatever_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step and every block is saved, one after the other."""
    torch.set_num_threads(1)
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # for power cuts, which these are not

    def due(self: Checkpointer) -> bool:
        if self._writing is not None:
            self._writing.result()
        return True

    monkeypatch.setattr(Checkpointer, "due", due)
    monkeypatch.setattr("engine.features.scan.scan.rows_per_block", lambda _: 80)
    for name, value in (("FIRST", 0.0), ("SHARE", 1e9), ("MOST", 0.0)):
        monkeypatch.setattr(f"engine.features.scan.unfinished.{name}", value)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, tiny_llama_path: Path) -> Path:
    """A folder with a workspace in it that has a set and a scanned SAE, and with what is imported.
    The set is there by a link."""
    root = tmp_path_factory.mktemp("kills")
    workspace = Workspace.open(root / "world" / "ws")
    generator = torch.Generator().manual_seed(0)
    about = Manifest(model="", site="resid_post.1", d_model=D, dtype="float32")
    with ActivationWriter(root / "acts", about, [f" w{i}" for i in range(9)]) as writer:
        for number in range(4):
            ids = torch.randint(9, (40,), generator=generator)
            writer.add(torch.randn(40, D, generator=generator), ids, text=f"text {number}")
    workspace.activations("acts").symlink_to(root / "acts")
    export_seed_activations(ActivationSet.open(root / "acts"), root / "world" / "seed")
    run(Train(name="sae", **OLDER), workspace, SILENT)
    run(Scan(sae="sae", top_k=2, device="cpu"), workspace, SILENT)
    run(
        ExportSAE(name="sae", folder=str(root / "world" / "theirs"), format="dictionary_learning"),
        workspace,
        SILENT,
    )
    return root


Make = Callable[[Path, Path], JobSpec]
"""A job, by the folder with the workspace and the model."""

JOBS: dict[str, Make] = {
    "train": lambda world, model: Train(name="new", **TRAIN),
    "train again": lambda world, model: Train(name="sae", replace=True, **TRAIN),
    "sweep": lambda world, model: Sweep(train=Train(name="s", **TRAIN), axes={"k": [2, 4]}),
    "scan": lambda world, model: Scan(sae="sae", top_k=3, device="cpu"),
    "evaluate": lambda world, model: Evaluate(sae="sae", device="cpu"),
    "import-activations": lambda world, model: ImportActivations(
        name="new", folder=str(world / "seed")
    ),
    "export-activations": lambda world, model: ExportActivations(
        name="acts", folder=str(world / "out")
    ),
    "import-sae": lambda world, model: ImportSAE(name="new", source=str(world / "theirs")),
    "export-sae": lambda world, model: ExportSAE(
        name="sae", folder=str(world / "out"), format="sparsify"
    ),
    "export-features": lambda world, model: ExportFeatures(
        sae="sae", folder=str(world / "out"), features=[1, 2, 3], batch=2, model=str(model)
    ),
}


def test_no_kind_is_left_out() -> None:
    made = {job(Path("/w"), Path("/m")).kind for job in JOBS.values()}
    # captures and fetches have tests of their own, and probes write nothing
    assert made == registered_kinds().keys() - {"capture", "fetch", "probe"}


@pytest.mark.parametrize("name", JOBS)
def test_whenever_it_is_killed_the_same_comes_of_it(
    name: str, prepared: Path, tmp_path: Path, tiny_llama_path: Path
) -> None:
    world = tmp_path / "world"
    spec = JOBS[name](world, tiny_llama_path)
    workspace = Workspace(world / "ws")

    def begin_with(folder: Path) -> None:
        shutil.rmtree(world, ignore_errors=True)
        shutil.copytree(folder, world, symlinks=True)

    begin_with(prepared / "world")
    before = contents(world)
    left = left_by_kills(lambda: run(spec, workspace, SILENT), world, tmp_path / "left")
    whole = contents(world)
    assert len(left) > 3
    for each in left if ALL else some_of(left):
        begin_with(each.folder)
        finish(spec, workspace)
        assert contents(world).keys() == whole.keys(), each.before
        assert contents(world) == whole, each.before
    assert before != whole


def some_of(left: list[Left]) -> list[Left]:
    """Every rename, which is what counts, and of all else a fair sample."""
    step = max(1, len(left) // SOME)
    return [
        each
        for number, each in enumerate(left)
        if number % step == 0 or each is left[-1] or each.before.startswith("os.rename")
    ]


def finish(spec: JobSpec, workspace: Workspace) -> None:
    """Bring a job to its end, as a user does when the engine has started again."""
    workspace.clean_up()
    try:
        run(spec.resumed_spec(workspace), workspace, SILENT)
    except UserError as error:
        if "already there" not in str(error):  # else it was killed when all was there
            raise
