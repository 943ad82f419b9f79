"""Models downloaded ahead: from a hub on this machine, over a line that drops."""

import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch

from engine.errors import UserError
from engine.model import fetch_file
from engine.model.fetch import cache_folder, fetch_model, model_files
from engine.model.generate import logits
from engine.model.load import load_model
from engine.progress import SILENT, Cancelled, Silent
from tests.model.hub_server import HubServer, sha256

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "lab/model"


@pytest.fixture
def hub(
    tiny_llama_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HubServer]:
    root = tmp_path / "hub"
    shutil.copytree(tiny_llama_path, root / NAME)
    for other in ("model.onnx", "model.gguf", "original/consolidated.pth", "README.md"):
        (root / NAME / other).parent.mkdir(exist_ok=True)
        (root / NAME / other).write_text("none of ours")
    monkeypatch.setattr(fetch_file, "PATIENCE", (0, 0))
    with HubServer(root, COMMIT).run(monkeypatch, tmp_path / "cache") as server:
        yield server


class Watched(Silent):
    """Remembers what it was told, and cancels beyond so many bytes."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.cancel_at = cancel_at
        self.told: list[tuple[int, int | None]] = []

    def __call__(self, phase, done, total=None, unit="", metrics=None) -> None:
        if unit == "bytes":
            self.told.append((done, total))
            if self.cancel_at is not None and done > self.cancel_at:
                raise Cancelled


def weights(hub: HubServer) -> Path:
    return hub.root / NAME / "model.safetensors"


def ranges(hub: HubServer) -> list[str]:
    """What was asked of the weights, by range."""
    return [line.rpartition(" ")[2] for line in hub.asked if "safetensors bytes=" in line]


def test_a_fetched_model_loads_without_a_network(
    hub: HubServer, tiny_llama_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched()
    found = fetch_model(NAME, None, watched)
    assert (found.commit, found.downloaded) == (COMMIT, found.bytes)
    names = {path.name for path in found.folder.rglob("*")}
    assert names == {path.name for path in tiny_llama_path.iterdir()}
    assert watched.told[-1] == (found.bytes, found.bytes)
    assert watched.told == sorted(watched.told)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    hub.asked.clear()
    lm = load_model(NAME, device="cpu")
    assert (lm.source, lm.revision) == (NAME, COMMIT)
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(logits(lm, ids), logits(load_model(str(tiny_llama_path)), ids))
    assert hub.asked == []


def test_what_is_here_is_not_fetched_again(hub: HubServer) -> None:
    fetch_model(NAME, None, SILENT)
    hub.asked.clear()
    found = fetch_model(NAME, None, SILENT)
    assert found.downloaded == 0
    assert all("/resolve/" not in line for line in hub.asked)


def test_a_file_that_was_cut_short_is_fetched_anew(hub: HubServer) -> None:
    here = fetch_model(NAME, None, SILENT).folder / "model.safetensors"
    with here.open("r+b") as file:
        file.truncate(1000)
    assert fetch_model(NAME, None, SILENT).downloaded == weights(hub).stat().st_size
    assert sha256(here) == sha256(weights(hub))


def test_a_line_that_drops_goes_on_where_it_stopped(hub: HubServer) -> None:
    size = weights(hub).stat().st_size
    hub.gives = [10_000, 0, 5000, 1]
    found = fetch_model(NAME, None, SILENT)
    assert ranges(hub) == [f"bytes={first}-" for first in (0, 10_000, 10_000, 15_000, 15_001)]
    assert found.downloaded == found.bytes > size
    assert sha256(found.folder / "model.safetensors") == sha256(weights(hub))


def test_a_line_that_stays_away_is_said_and_what_came_is_kept(hub: HubServer) -> None:
    hub.gives = [10_000, 0, 0, 0]
    with pytest.raises(
        UserError, match=r"connection to the hub was lost.*brainsurg fetch lab/model"
    ):
        fetch_model(NAME, None, SILENT)
    hub.asked.clear()
    found = fetch_model(NAME, None, SILENT)
    assert ranges(hub) == ["bytes=10000-"]
    assert 0 < found.downloaded < found.bytes
    assert not [*(cache_folder(NAME) / "blobs").glob("*.part*")]


def test_cancelled_it_goes_on_later(hub: HubServer) -> None:
    with pytest.raises(Cancelled):
        fetch_model(NAME, None, Watched(cancel_at=40_000))
    hub.asked.clear()
    watched = Watched()
    found = fetch_model(NAME, None, watched)
    (ranged,) = ranges(hub)
    assert int(ranged.removeprefix("bytes=").rstrip("-")) > 20_000
    assert watched.told[0][0] > 0
    assert sha256(found.folder / "model.safetensors") == sha256(weights(hub))


def test_a_file_that_came_damaged_is_not_kept(hub: HubServer) -> None:
    hub.damages = True
    with pytest.raises(UserError, match=r"A file came damaged.*begins anew"):
        fetch_model(NAME, None, SILENT)
    hub.damages = False
    assert sha256(fetch_model(NAME, None, SILENT).folder / "model.safetensors") == sha256(
        weights(hub)
    )


def test_another_process_that_fetches_it_is_not_disturbed(hub: HubServer) -> None:
    import filelock

    blobs = cache_folder(NAME) / "blobs"
    blobs.mkdir(parents=True)
    with (
        filelock.FileLock(blobs / f"{sha256(weights(hub))}.part.lock"),
        pytest.raises(UserError, match="Another process is downloading"),
    ):
        fetch_model(NAME, None, SILENT)


@pytest.mark.parametrize(
    ("name", "refusal", "sentence"),
    [
        ("lab/gated", (403, "GatedRepo"), "lab/gated is gated.*access on request"),
        ("lab/none", None, "lab/none is neither a folder here nor a model"),
        ("lab/old", (404, "RevisionNotFound"), "lab/old has no revision v9"),
        ("lab/down", (503, ""), "hub did not give out lab/down"),
    ],
)
def test_what_the_hub_refuses_is_said(
    hub: HubServer, name: str, refusal: tuple[int, str] | None, sentence: str
) -> None:
    if refusal is not None:
        hub.refuses[name] = refusal
    with pytest.raises(UserError, match=sentence):
        fetch_model(name, "v9", SILENT)
    assert not (cache_folder(name) / "snapshots").exists()


def test_a_repository_without_weights_is_said_to_have_none(hub: HubServer) -> None:
    weights(hub).unlink()
    with pytest.raises(UserError, match="holds no weights that transformers reads"):
        fetch_model(NAME, None, SILENT)


def test_too_little_room_is_said_before_anything_comes(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(UserError, match=r"0\.0 GB are to be downloaded.*HF_HOME"):
        fetch_model(NAME, None, SILENT)
    assert all("/resolve/" not in line for line in hub.asked)


def test_offline_nothing_is_tried(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE keeps the network away"):
        fetch_model(NAME, None, SILENT)
    elsewhere = "lab/model is not on this machine.* as HF_HUB_OFFLINE is set.*brainsurg fetch lab/m"
    with pytest.raises(UserError, match=elsewhere):
        load_model(NAME)
    assert hub.asked == []


def test_a_model_of_which_a_part_came_is_said_to_be_no_whole_one(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Cancelled):
        fetch_model(NAME, None, Watched(cancel_at=40_000))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="brainsurg fetch lab/model"):
        load_model(NAME, device="cpu")


def test_of_several_kinds_of_weights_one_is_fetched() -> None:
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    beside = ["config.json", "model.safetensors.index.json", "tokenizer.model", "vocab.txt"]
    others = ["pytorch_model.bin", "onnx/config.json", "consolidated.safetensors", "a.gguf"]
    assert model_files([*others, *shards, *beside]) == [*beside, *shards]
    assert model_files(["config.json", "pytorch_model.bin"]) == ["config.json", "pytorch_model.bin"]
    assert "additional_chat_templates/rag.jinja" in model_files(
        ["additional_chat_templates/rag.jinja", "model.safetensors"]
    )
