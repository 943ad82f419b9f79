"""Exporting dashboards: what is written, and what is refused at once and why."""

import json
from pathlib import Path

import msgspec
import pytest

from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue, write_catalogue_manifest
from engine.files import remove_folder
from engine.jobs.kinds import (
    Capture,
    ExportedFeatures,
    ExportFeatures,
    Scan,
    Train,
)
from engine.jobs.run import run
from engine.progress import SILENT
from engine.workspace.folders import Workspace


@pytest.fixture
def workspace(tmp_path: Path, tiny_llama_path: Path) -> Workspace:
    """With a scanned SAE of 40 features."""
    workspace = Workspace.open(tmp_path / "ws")
    (tmp_path / "texts.txt").write_text("\n\n".join(f"Story {i} of a dog." for i in range(20)))
    place = {"model": str(tiny_llama_path), "sites": ["resid_post.1"]}
    run(Capture(name="acts", texts=[str(tmp_path / "texts.txt")], **place), workspace, SILENT)
    train = Train(name="sae", activations="acts", arch="topk", width=40, k=4, tokens=2_000)
    run(train, workspace, SILENT)
    run(Scan(sae="sae"), workspace, SILENT)
    return workspace


def test_files_of_the_features_that_were_asked_for(workspace: Workspace, tmp_path: Path) -> None:
    spec = ExportFeatures(sae="sae", folder=str(tmp_path / "out"), features=[7, 3, 30], batch=2)
    assert spec.reads(workspace) == {
        workspace.sae("sae"),
        workspace.catalogue("sae"),
        workspace.activations("acts"),
    }
    assert spec.makes(workspace) == {tmp_path / "out"}
    assert spec.title == "export-features sae"
    made = run(spec, workspace, SILENT)
    assert isinstance(made, ExportedFeatures)
    assert (made.features, made.files) == (3, ["batch-0.json", "batch-1.json"])
    found = [json.loads((tmp_path / "out" / name).read_text())["features"] for name in made.files]
    assert [[one["feature_index"] for one in some] for some in found] == [[7, 3], [30]]
    with pytest.raises(UserError, match="already there"):
        spec.check(workspace)


def test_without_the_model_nothing_is_written(workspace: Workspace, tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    spec = ExportFeatures(sae="sae", folder=str(tmp_path / "out"), model=missing)
    with pytest.raises(UserError, match="logits a feature moves, and the model can't be had"):
        run(spec, workspace, SILENT)
    assert not (tmp_path / "out").exists()


def test_another_model_is_refused(
    workspace: Workspace, tmp_path: Path, stories_model_path: Path
) -> None:
    spec = ExportFeatures(sae="sae", folder=str(tmp_path / "o"), model=str(stories_model_path))
    with pytest.raises(UserError, match=r"32 wide; 40 were scanned, and .* is 64 wide"):
        run(spec, workspace, SILENT)


def test_what_cannot_succeed_is_refused_before_it_is_queued(
    workspace: Workspace, tmp_path: Path
) -> None:
    def refused(**options: object) -> str:
        with pytest.raises(UserError) as refusal:
            ExportFeatures(**{"sae": "sae", "folder": "/x", **options}).check(workspace)
        return str(refusal.value)

    assert "no SAE 'none'" in refused(sae="none")
    assert refused(features=[3, 40]) == ("There is no feature 40. The features of sae are 0 to 39.")
    assert refused(features=[]) == "There is no feature to export."
    assert "at least 1 feature" in refused(batch=0)
    assert "already there" in refused(folder=str(tmp_path))
    remove_folder(workspace.activations("acts"))
    assert "no activation set 'acts'" in refused()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": ""}, r"acts does not say which model .* --model"),
        ({"site": ""}, r"acts .* which site"),
        ({"complete": False}, "scan of sae isn't complete"),
        ({"alive": 0}, "no feature to export"),
    ],
)
def test_of_a_catalogue_that_lacks_something(
    workspace: Workspace, tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    folder = workspace.catalogue("sae")
    manifest = Catalogue.open(folder).manifest
    write_catalogue_manifest(folder, msgspec.structs.replace(manifest, **changed))
    with pytest.raises(UserError, match=said):
        ExportFeatures(sae="sae", folder=str(tmp_path / "out")).check(workspace)
