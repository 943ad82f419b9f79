"""Captures that are interrupted and go on: they make the bytes of those that never were."""

from pathlib import Path

import pytest

from engine.activations import unfinished
from engine.activations.capture import capture_documents, capture_prompts
from engine.activations.corpus import Prompt
from engine.activations.store import ActivationSet
from engine.activations.unfinished import Resumption, put_sets_in_place, read_record
from engine.errors import UserError
from engine.files import remove_leftovers
from engine.model.load import load_model
from engine.model.site import parse_site
from engine.progress import SILENT, Cancelled, Silent
from tests.killing import killed_everywhere

SITES = [parse_site("resid_post.0"), parse_site("mlp_out.1")]
TEXTS = ["A cat.", "x" * 70, "", "Two words", "The " * 20, "z", "end of it all"]
PROMPTS = [Prompt("Once upon", "story"), Prompt("\x1b[1m?"), Prompt("x" * 9), Prompt("end")]


@pytest.fixture(scope="module")
def lm(tiny_llama_path):
    return load_model(str(tiny_llama_path), device="cpu")


@pytest.fixture
def saving_always(monkeypatch):
    monkeypatch.setattr(unfinished, "FIRST", 0.0)
    monkeypatch.setattr(unfinished, "MOST", 0.0)
    monkeypatch.setattr(unfinished, "SHARE", 1e9)


def folders(root: Path) -> list[Path]:
    return [root / "activations" / str(site) for site in SITES]


def bytes_of(root: Path) -> dict[str, bytes]:
    files = (path for folder in folders(root) for path in folder.iterdir())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def resumption(root: Path, **others) -> Resumption:
    unfinished = root / "captures" / "set"
    resume = read_record(unfinished) is not None
    about = {"name": "set"}
    return Resumption(unfinished, **{"about": about, "identity": {}, "resume": resume, **others})


def capture_texts(lm, root: Path, texts=TEXTS, progress=SILENT, **others) -> None:
    capture_documents(
        lm,
        texts,
        SITES,
        folders(root),
        origin="texts",
        context=16,
        pass_tokens=12,
        shard_bytes=12 * 300,
        resumption=resumption(root, **others),
        progress=progress,
    )


def continue_prompts(lm, root: Path) -> None:
    capture_prompts(
        lm,
        PROMPTS,
        SITES,
        folders(root),
        generate=5,
        shard_bytes=12 * 300,
        resumption=resumption(root),
    )


def finish(capture, lm, root: Path) -> None:
    """Go on with a capture, as a job does."""
    record = read_record(root / "captures" / "set")
    if record is not None and record.manifests:
        put_sets_in_place(root / "captures" / "set", folders(root))
    elif record is not None or not all(folder.exists() for folder in folders(root)):
        capture(lm, root)


@pytest.mark.parametrize("capture", [capture_texts, continue_prompts])
def test_a_capture_outlives_a_kill_at_any_moment(lm, tmp_path, saving_always, capture):
    capture(lm, tmp_path / "whole")
    expected = bytes_of(tmp_path / "whole")
    assert len(expected) > 2 * 5, "the sets have several shards"
    standing = set()
    for number in killed_everywhere(lambda: capture(lm, tmp_path / "killed")):
        root = tmp_path / "killed"
        for folder in (root / "activations", root / "captures", root / "captures" / "set"):
            if folder.exists():
                remove_leftovers(folder)
        record = read_record(root / "captures" / "set")
        standing.add(None if record is None else record.tokens)
        finish(capture, lm, root)
        assert bytes_of(root) == expected
        assert [*(root / "captures").iterdir()] == []
        root.rename(tmp_path / f"done {number}")
    assert len(standing) > 3, "it went on from several places"
    print(number)
