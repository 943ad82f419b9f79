"""The job that downloads a model and an SAE for it, from a hub on this machine."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import UserError
from engine.jobs.kinds import Fetch, FetchResult
from engine.jobs.run import run
from engine.progress import SILENT, Cancelled, Silent
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.libraries import library
from engine.sae.formats.metadata import SAEMetadata
from engine.workspace.folders import Workspace
from tests.model.hub_server import HubServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(
    tiny_llama_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HubServer]:
    shutil.copytree(tiny_llama_path, tmp_path / "hub" / "lab" / "model")
    sae = build(SAEConfig(architecture="topk", d_in=32, d_sae=64, k=4))
    folder = tmp_path / "hub" / "lab" / "saes" / "layers.1"
    folder.parent.mkdir(parents=True)
    library("sae_lens").write(sae, folder, SAEMetadata(model="lab/model", site="resid_post.1"))
    with HubServer(tmp_path / "hub", COMMIT).run(monkeypatch, tmp_path / "cache") as server:
        yield server


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "ws")


def test_a_model_and_its_sae_are_here_afterwards(hub: HubServer, workspace: Workspace) -> None:
    found = run(Fetch(model="lab/model", sae="lab/saes/layers.1"), workspace, SILENT)
    assert isinstance(found, FetchResult)
    assert found.revision == COMMIT
    assert found.downloaded_bytes == found.bytes > 100_000
    assert (Path(found.folder) / "model.safetensors").is_file()
    assert found.sae == f"lab/saes/layers.1@{COMMIT}"
    assert (Path(found.sae_path) / "cfg.json").is_file()
    again = run(Fetch(model="lab/model"), workspace, SILENT)
    assert isinstance(again, FetchResult)
    assert again.downloaded_bytes == 0


def test_cancelled_it_is_resumed_from_where_it_stopped(
    hub: HubServer, workspace: Workspace
) -> None:
    class Cancelling(Silent):
        def __call__(self, phase, done, total=None, unit="", metrics=None) -> None:
            if unit == "bytes" and done > 60_000:
                raise Cancelled

    spec = Fetch(model="lab/model")
    with pytest.raises(Cancelled):
        run(spec, workspace, Cancelling())
    assert spec.resumable
    assert "brainsurg jobs resume 7" in spec.resume_hint(7)
    found = run(spec.resumed_spec(workspace), workspace, SILENT)
    assert isinstance(found, FetchResult)
    assert 0 < found.downloaded_bytes < found.bytes


@pytest.mark.parametrize(
    ("model", "sae", "sentence"),
    [
        ("demo", None, "demo is on this machine"),
        ("/tmp", None, "/tmp is on this machine"),
        ("a b", None, "neither a model's folder or file nor a hub id"),
        ("lab/model", "saes", "neither a file or folder here, nor a place on the hub"),
    ],
)
def test_what_can_not_be_fetched_is_told_before_it_is_queued(
    workspace: Workspace, model: str, sae: str | None, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        Fetch(model=model, sae=sae).check(workspace)
