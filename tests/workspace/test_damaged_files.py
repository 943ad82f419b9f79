"""A workspace with damaged or hostile files: a sentence for what is damaged, and all else as ever.

`benchmarks.mutated_files` draws thousands of such files, of which some are read here.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.mutated_files import workspace_material as material
from benchmarks.mutated_files.campaign import campaign
from benchmarks.mutated_files.workspace_material import WORKSPACE
from brainsurg_tui.settings import Memory, read_memory, read_settings
from engine.activations.store.activation_set import ActivationSet
from engine.errors import UserError
from engine.features.catalogue.arrays import load_array
from engine.features.catalogue.catalogue import Catalogue
from engine.features.scan.document_categories import read_categories
from engine.sae.training import checkpoint
from engine.sae.training.checkpointer import load_newest_checkpoint
from engine.service import protocol as p
from engine.service.holder import read_holder
from engine.workspace.folders import Workspace
from tests.service.answering import Asker

INPUTS = 55
"""Of every kind of file five."""
RECORD = '{"step": 2, "steps": 9, "about": {}, "state": %s}'
DEEP = "[" * 200_000 + "]" * 200_000
DEEP_FIELD = f'{{"a": {DEEP}}}'


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good") / "workspace"
    material.write_workspace(folder)
    return folder


@pytest.fixture
def workspace(good: Path, tmp_path: Path) -> Workspace:
    """One of its own, which may be damaged."""
    shutil.copytree(good, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


def test_mutated_files_are_read_or_refused() -> None:
    outcomes = list(campaign(INPUTS, seed=12, kinds=WORKSPACE))
    assert [outcome for outcome in outcomes if outcome.fault] == []
    refused = sum(bool(outcome.refused) for outcome in outcomes)
    assert 0.3 * INPUTS < refused < 0.9 * INPUTS


@pytest.mark.parametrize("kind", WORKSPACE)
def test_good_files_are_read(kind: str, tmp_path: Path) -> None:
    WORKSPACE[kind].write(tmp_path)
    WORKSPACE[kind].read(tmp_path)


# One damaged artefact hides no other -----------------------------------------------------------


def manifest(**fields: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "activations" / "acts" / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return damage


def replaced(path: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / path).write_text(text)


@pytest.mark.parametrize(
    ("damage", "kind", "name"),
    [
        (replaced("activations/acts/manifest.json", DEEP_FIELD), "activations", "acts"),
        (replaced("activations/acts/manifest.json", ""), "activations", "acts"),
        (manifest(tokens=1 << 70), "activations", "acts"),
        (manifest(tokens=-1), "activations", "acts"),
        (manifest(d_model=10**30), "activations", "acts"),
        (replaced("saes/sae/cfg.json", DEEP_FIELD), "sae", "sae"),
        (replaced("saes/sae/brainsurg.json", DEEP_FIELD), "sae", "sae"),
        (replaced("saes/ours/sae.json", '{"config": ' + DEEP + "}"), "sae", "ours"),
        (lambda folder: (folder / "saes" / "ours" / "sae.json").unlink(), "sae", "ours"),
        (lambda folder: (folder / "saes" / "a name").mkdir(), "sae", "a name"),
    ],
)  # fmt: skip
async def test_what_is_damaged_is_listed_as_such_beside_the_others(
    workspace: Workspace, damage: Callable[[Path], object], kind: str, name: str
) -> None:
    damage(workspace.root)
    listed = await Asker(workspace)(p.GetContents())
    assert [(one.kind, one.name) for one in listed.damaged] == [(kind, name)]
    assert listed.damaged[0].problem.endswith(".")
    names = {one.name for one in (*listed.activations, *listed.saes)}
    assert names == {"acts", "ours", "sae", "whole"} - {name} | {"whole"}


async def test_so_is_what_the_system_does_not_let_us_read(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.stat

    def stat(path: Any, *args: Any, **named: Any) -> os.stat_result:
        if "saes/ours/" in os.fspath(path):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *args, **named)

    monkeypatch.setattr(os, "stat", stat)
    listed = await Asker(workspace)(p.GetContents())
    assert [one.name for one in listed.damaged] == ["ours"]
    assert "Permission denied" in listed.damaged[0].problem
    assert [one.name for one in listed.saes] == ["sae", "whole"]


# Figures that point to what isn't there --------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "values"),
    [
        ("columns/max", lambda a: a[:1]),
        ("columns/density", lambda a: a.astype("U4")),
        ("columns/count", None),
        ("columns/category", lambda a: np.full_like(a, 9)),
        ("histogram", lambda a: a[:, :3]),
        ("categories/mean", lambda a: a[:1]),
        ("examples/document", lambda a: np.full_like(a, 1 << 30)),
        ("examples/document", lambda a: a[:, :1]),
        ("examples/position", lambda a: np.full_like(a, -2)),
        ("examples/position", lambda a: np.full_like(a, 1 << 30)),
        ("examples/value", lambda a: a[:2]),
        ("examples/window", lambda a: a[..., :1]),
        ("sample/document", lambda a: np.full_like(a, 1 << 30)),
        ("tokens/promoted", lambda a: np.full_like(a, 1 << 30)),
        ("tokens/suppressed", lambda a: np.full_like(a, -1)),
        ("codes/documents", lambda a: np.full_like(a, (1 << 31) - 1)),
        ("codes/documents", lambda a: a[::-1].copy()),
        ("codes/firsts", lambda a: np.full_like(a, -1)),
        ("codes/firsts", lambda a: np.full_like(a, 1 << 20)),
        ("codes/bounds", lambda a: a[::-1].copy()),
        ("codes/offsets", lambda a: a - 1),
        ("codes/features", lambda a: np.full_like(a, 20)),
        ("codes/features", lambda a: np.full_like(a, -1)),
        ("codes/values", lambda a: a.astype("U4")),
        ("codes/starts", lambda a: a[:1]),
        ("codes/rows", lambda a: np.full_like(a, 1 << 30)),
        ("codes/entries", lambda a: np.full_like(a, 1 << 30)),
        ("codes/entries", lambda a: a[:0]),
    ],
)
def test_arrays_of_a_catalogue(
    workspace: Workspace, array: str, values: Callable[[Any], Any] | None
) -> None:
    path = workspace.catalogue("sae") / f"{array}.npy"
    if values is None:
        path.unlink()
    else:
        np.save(path, values(np.load(path)))
    with pytest.raises(UserError) as caught:
        material.read_workspace(workspace.root)
    assert caught.value.do == "Scan the SAE again."


@pytest.mark.parametrize("text", ['["a", 5]', "[]", "", DEEP, '{"a": 1}'])
def test_vocabularies_of_a_catalogue(workspace: Workspace, text: str) -> None:
    (workspace.catalogue("sae") / "tokens" / "vocabulary.json").write_text(text)
    with pytest.raises(UserError, match=r"is damaged"):
        material.read_workspace(workspace.root)


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x03\x00'''", b"\x80\x02."]
)
def test_files_that_are_no_arrays(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "max.npy").write_bytes(data)
    with pytest.raises(UserError, match=r"max\.npy can't be read"):
        load_array(tmp_path / "max.npy")


def test_an_archive_of_arrays_is_no_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "max.npz", max=np.ones(3))
    (tmp_path / "max.npz").rename(tmp_path / "max.npy")
    with pytest.raises(UserError, match=r"max\.npy can't be read"):
        load_array(tmp_path / "max.npy")


@pytest.mark.parametrize("fields", [{"features": 10**30}, {"radius": 1 << 60}, {"top_k": -1}])
def test_absurd_counts_of_a_catalogue(workspace: Workspace, fields: dict[str, int]) -> None:
    path = workspace.catalogue("sae") / "catalogue.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    with pytest.raises(UserError, match=r"catalogue\.json can't be read"):
        material.read_workspace(workspace.root)


def test_a_category_that_is_no_text(workspace: Workspace) -> None:
    path = workspace.activations("acts") / "documents.jsonl"
    path.write_text(path.read_text().replace('"code"', "5"))
    acts = ActivationSet.open(path.parent)
    with pytest.raises(UserError, match=r"documents\.jsonl is damaged"):
        read_categories(acts.folder)


# What trainings and programs leave -------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        replaced("state.safetensors", ""),
        replaced("state.json", DEEP),
        replaced("state.json", RECORD % '{"tensor": "x"}'),
        replaced("state.json", RECORD % '{"dict": [5]}'),
        replaced("state.json", RECORD % "5"),
    ],
)
def test_a_checkpoint_with_right_checksums_that_holds_no_training_is_passed_over(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    material.write_checkpoints(tmp_path)
    (tmp_path / "older").rename(checkpoint.folder_of(tmp_path, 1))
    newest = checkpoint.folder_of(tmp_path, 2)
    change(newest)
    (newest / checkpoint.SUMS).write_bytes(checkpoint.sums_of(newest))
    noted: list[str] = []
    saved = load_newest_checkpoint(tmp_path, noted.append)
    assert saved is not None
    assert saved.step == 1
    assert "is passed over" in noted[0]
    assert not newest.exists()


def test_a_checkpoint_of_a_later_version_is_kept_and_named(tmp_path: Path) -> None:
    material.write_checkpoints(tmp_path)
    (tmp_path / "older").rename(checkpoint.folder_of(tmp_path, 1))
    newest = checkpoint.folder_of(tmp_path, 2)
    replaced("state.json", '{"format_version": 2, "weights": "elsewhere"}')(newest)
    (newest / checkpoint.SUMS).write_bytes(checkpoint.sums_of(newest))
    with pytest.raises(UserError, match="is of format 2; this version reads format 1"):
        load_newest_checkpoint(tmp_path, print)
    assert newest.exists()


@pytest.mark.parametrize(
    ("array", "value"),
    [
        *(("kept_features", value) for value in (1 << 30, -1)),
        *(("kept_offsets", value) for value in (0, -1)),
        *(("newest_example", value) for value in (1 << 30, 3, 2, -2)),
        *(("weakest_example", value) for value in (1 << 30, 3, -2)),
        *(("recent_offsets", value) for value in (0, 1 << 40)),
        *(("waiting", value) for value in (1 << 40, -1)),
    ],
)
def test_a_scan_whose_state_points_nowhere_begins_anew(
    tmp_path: Path, array: str, value: int
) -> None:
    material.write_workspace(tmp_path, scanned=False)
    path = tmp_path / "scans" / "sae" / "state" / f"{array}.npy"
    good = np.load(path)
    if (array, value) == ("newest_example", 2):  # full, and yet none is the weakest
        weakest = path.with_name("weakest_example.npy")
        np.save(weakest, np.full_like(np.load(weakest), -1))
    np.save(path, np.full_like(good, value))
    material.read_workspace(tmp_path)
    assert Catalogue.open(tmp_path / "catalogues" / "sae").codes is not None


def test_files_that_are_nested_beyond_reason(tmp_path: Path) -> None:
    for name in ("tui.json", "engine.json", "config.toml"):
        (tmp_path / name).write_text(f"a = {DEEP}" if name == "config.toml" else f'{{"a": {DEEP}}}')
    assert read_memory(tmp_path / "tui.json") == Memory()
    assert read_holder(Workspace(tmp_path)) is None
    with pytest.raises(UserError, match=r"config\.toml can't be used"):
        read_settings(tmp_path / "config.toml")
