"""A workspace that may only be read, with real processes that can't write in it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.activations.corpus import Prompt
from engine.features.notes import Note
from engine.jobs.kinds import Capture, Scan, Train
from engine.jobs.run import run
from engine.jobs.store import JobStore
from engine.progress import SILENT
from engine.workspace.database import open_database
from engine.workspace.folders import Workspace
from engine.workspace.notes import NoteStore
from tests.service.runner import Runner

_BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""What a command begins with that permissions are to bind: root without these capabilities is bound
as anybody is."""


class BoundRunner(Runner):
    """Runs `brainsurg` in a process that permissions bind."""

    def line(self, *words: object) -> list[str]:
        return [*_BOUND, *super().line(*words)]


def bound(folder: Path) -> bool:
    """Whether such processes can be had here, and can't write in a folder of mode 0555."""
    folder.chmod(0o555)
    try:
        tried = subprocess.run([*_BOUND, "touch", folder / "x"], capture_output=True, check=False)
    except OSError:
        return False
    return tried.returncode != 0


def state_of(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in root.rglob("*")}


def make(root: Path) -> None:
    """A workspace with a scanned SAE, a note, a job that waits, and a log of the database that an
    engine which was killed has left."""
    workspace = Workspace.open(root)
    prompts = [Prompt(f"The {word} sat on the mat.") for word in ("cat", "dog", "sun", "sea")]
    site = ["resid_post.1"]
    run(Capture(name="acts", model="demo", sites=site, prompts=prompts), workspace, SILENT)
    train = Train(name="sae", activations="acts", width=32, k=4, tokens=500, batch=50)
    run(train, workspace, SILENT)
    run(Scan(sae="sae"), workspace, SILENT)
    live = root.with_name("live.sqlite")
    database = open_database(live)
    NoteStore(database).set("sae", 3, Note(label="cats"))
    JobStore(database).add(Scan(sae="sae"))
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{live}{suffix}", f"{workspace.database}{suffix}")
    assert Path(f"{workspace.database}-wal").stat().st_size > 0
    database.close()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoundRunner]:
    if not bound(tmp_path_factory.mktemp("bound")):
        pytest.skip("root ignores permissions here, and setpriv can't take that right from it")
    root = tmp_path_factory.mktemp("read") / "ws"
    make(root)
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    runner = BoundRunner(root)
    before = state_of(root)
    yield runner
    runner("engine", "stop")
    assert state_of(root) == before
    for folder in folders:
        folder.chmod(0o755)


def test_what_it_holds_is_read(reader: BoundRunner) -> None:
    contents = reader.json("contents")
    assert contents["is_read_only"]
    assert [one["name"] for one in contents["activations"]] == ["acts"]
    assert "can only be read" in reader.shows("contents")
    assert [job["state"] for job in reader.json("jobs")["jobs"]] == ["queued"]
    features = reader.json("features", "sae", "--filter", 'label ~ "cats"')["features"]
    assert [feature["id"] for feature in features] == [3]
    assert reader.json("feature", "sae", "3")["label"] == "cats"


def test_changes_are_refused_in_a_sentence(reader: BoundRunner) -> None:
    sentence = f"Nothing can be changed in {reader.workspace}: you may only read it."
    assert sentence in reader.fails("label", "sae", "3", "dogs")
    assert sentence in reader.fails("scan", "sae")
    assert sentence in reader.fails("evaluate", "sae", "--activations", "acts")
    assert sentence in reader.fails("jobs", "cancel", "1")
    again = ("capture", "more", "--model", "demo", "--site", "resid_post.1", "--text", __file__)
    assert "Capture" not in reader.fails(*again)


def test_exports_go_elsewhere(reader: BoundRunner, tmp_path: Path) -> None:
    out = tmp_path / "features.json"
    reader.shows("export-features", "sae", out, "--format", "json")
    assert json.loads(out.read_text())["sae"] == "sae"
    reader.shows("export-sae", "sae", tmp_path / "sae", "--format", "sae_lens")
    assert any((tmp_path / "sae").iterdir())


def test_a_place_that_is_no_workspace_can_not_be_made_there(reader: BoundRunner) -> None:
    other = BoundRunner(reader.workspace / "logs")
    assert "can't be written: Permission denied" in other.fails("contents")
