"""Captures that are interrupted and go on: they make the bytes of those that never were."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.activations.capture.documents import capture_documents
from engine.activations.capture.prompts import capture_prompts
from engine.activations.corpus import Prompt
from engine.activations.store import unfinished
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import read_manifest
from engine.activations.store.unfinished import (
    Resumption,
    put_sets_in_place,
    read_record,
    set_folders,
)
from engine.errors import UserError
from engine.files import remove_leftovers
from engine.model.load import load_model
from engine.model.site import Site, parse_site
from engine.progress import SILENT, Cancelled, Silent
from tests.killing import killed_everywhere

SITES = [parse_site("resid_post.0"), parse_site("mlp_out.1")]
TEXTS = ["A cat.", "x" * 45, "", "Two words", "z", "end of it all"]
PROMPTS = [
    Prompt("Once upon", "story"),
    Prompt("\x1b[1m?"),
    Prompt("x" * 9),
    Prompt("end"),
    Prompt("no more"),
]
ROW_BYTES = 32 * 4 + 16


@pytest.fixture(scope="module")
def lm(tiny_llama_path):
    return load_model(str(tiny_llama_path), device="cpu")


@pytest.fixture(autouse=True)
def small_pools(monkeypatch):
    monkeypatch.setattr("engine.activations.capture.documents.POOLED_PASSES", 4)
    monkeypatch.setattr("engine.activations.capture.prompts.PROMPTS_TOGETHER", 2)


@pytest.fixture
def saving_always(monkeypatch):
    monkeypatch.setattr(unfinished, "FIRST", 0.0)
    monkeypatch.setattr(unfinished, "MOST", 0.0)
    monkeypatch.setattr(unfinished, "SHARE", 1e9)


class Capture:
    """A capture into a folder of its own, as a job does it again and again until it is done."""

    def __init__(self, lm, root: Path, sites: Sequence[Site] = SITES) -> None:
        self.lm, self.root, self.sites = lm, root, sites
        self.unfinished = root / "captures" / "set"
        self.folders = [root / "activations" / str(site) for site in sites]

    def texts(self, texts=TEXTS, *, progress=SILENT, **options) -> None:
        capture_documents(
            self.lm,
            texts,
            self.sites,
            self.folders,
            **{"origin": "texts", "context": 16, "pass_tokens": 12, "max_tokens": 75} | options,
            shard_bytes=30 * ROW_BYTES,
            resumption=self._resumption(),
            progress=progress,
        )

    def prompts(self, prompts=PROMPTS, *, progress=SILENT, generate=5) -> None:
        capture_prompts(
            self.lm,
            prompts,
            self.sites,
            self.folders,
            generate=generate,
            shard_bytes=14 * ROW_BYTES,
            resumption=self._resumption(),
            progress=progress,
        )

    def _resumption(self) -> Resumption:
        resume = read_record(self.unfinished) is not None
        return Resumption(self.unfinished, about={"name": "set"}, identity={}, resume=resume)

    @property
    def bytes(self) -> dict[str, bytes]:
        """Of every file of the sets, which have to be whole; nothing may be left beside them."""
        for folder in self.folders:
            ActivationSet.open(folder, verify=True)
        assert [*self.unfinished.parent.iterdir()] == []
        assert len([*(self.root / "activations").iterdir()]) == len(self.sites)
        files = (path for folder in self.folders for path in folder.iterdir())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}


class Stop(Silent):
    """Cancels when so much is done."""

    def __init__(self, done: int) -> None:
        self._done = done

    def __call__(self, phase: str, done: int, *_: object, **__: object) -> None:
        if done >= self._done:
            raise Cancelled


def stop(*_: object, **__: object) -> None:
    raise Cancelled


@pytest.mark.parametrize(("kind", "step"), [("texts", 1), ("prompts", 7)])
def test_a_capture_outlives_a_kill_at_any_moment(lm, tmp_path, saving_always, kind, step):
    whole = Capture(lm, tmp_path / "whole", SITES[:1])
    getattr(whole, kind)()
    expected = whole.bytes
    assert len(read_manifest(whole.folders[0]).shards) > 2

    standing = set()
    captures = [Capture(lm, tmp_path / "0", SITES[:1])]

    def work() -> None:
        getattr(captures[-1], kind)()

    for number in killed_everywhere(work, step=step):
        killed = captures[-1]
        for folder in (killed.root / "activations", killed.unfinished.parent):
            remove_leftovers(folder)
        record = read_record(killed.unfinished)
        standing.add(None if record is None else record.tokens)
        if record is not None and record.manifests:
            put_sets_in_place(killed.unfinished, killed.folders)
        elif record is not None or not killed.folders[0].exists():
            getattr(killed, kind)()
        assert killed.bytes == expected
        captures.append(Capture(lm, tmp_path / f"{number + 1}", SITES[:1]))
    assert len(standing) > 2, "it went on from several places"


@pytest.mark.parametrize("kind", ["texts", "prompts"])
def test_what_is_cancelled_goes_on_where_it_was(lm, tmp_path, kind):
    whole = Capture(lm, tmp_path / "whole")
    getattr(whole, kind)()
    stopped = Capture(lm, tmp_path / "stopped")
    tokens = 0
    for done in (60,) if kind == "texts" else (2,):
        with pytest.raises(Cancelled):
            getattr(stopped, kind)(progress=Stop(done))
        record = read_record(stopped.unfinished)
        assert record is not None
        assert record.tokens > tokens
        tokens = record.tokens
    getattr(stopped, kind)()
    assert stopped.bytes == whole.bytes


def test_sets_get_into_their_places_whenever_that_is_interrupted(lm, tmp_path, monkeypatch):
    whole = Capture(lm, tmp_path / "whole")
    whole.texts()
    expected = whole.bytes
    with monkeypatch.context() as patch:
        patch.setattr(unfinished, "put_in_place", stop)
        stopped = Capture(lm, tmp_path / "stopped")
        with pytest.raises(Cancelled):
            stopped.texts()

    def put() -> None:
        put_sets_in_place(stopped.unfinished, stopped.folders, replace=True)

    for _ in killed_everywhere(put):
        if stopped.unfinished.exists():
            put()
        remove_leftovers(stopped.unfinished.parent)
        assert stopped.bytes == expected
        # again, and in the place of others
        stopped = Capture(lm, tmp_path / f"again {len([*tmp_path.iterdir()])}")
        with monkeypatch.context() as patch, pytest.raises(Cancelled):
            patch.setattr(unfinished, "put_in_place", stop)
            stopped.texts()
        for folder in stopped.folders:
            folder.mkdir(parents=True)
            (folder / "manifest.json").write_text("another set")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"texts": ["A dog.", *TEXTS[1:]]}, "the text is not what it was"),
        ({"texts": TEXTS[:1]}, "the text is not what it was"),
        ({"context": 17}, "how the text is read is not what it was"),
        ({"max_tokens": 76}, "how the text is read is not what it was"),
    ],
)
def test_a_capture_of_something_else_does_not_go_on(lm, tmp_path, change, named):
    stopped = Capture(lm, tmp_path)
    with pytest.raises(Cancelled):
        stopped.texts(progress=Stop(60))
    with pytest.raises(UserError, match=named):
        stopped.texts(**change)
    stopped.texts()
    stopped.bytes  # noqa: B018 - checks that it is whole


def test_another_model_of_the_name_does_not_go_on(lm, tiny_llama_path, tmp_path):
    stopped = Capture(lm, tmp_path)
    with pytest.raises(Cancelled):
        stopped.texts(progress=Stop(60))
    stopped.lm = load_model(str(tiny_llama_path), device="cpu")
    stopped.lm.model.lm_head.weight *= 1.01
    with pytest.raises(UserError, match="the weights of the model"):
        stopped.texts()


@pytest.mark.parametrize("file", ["documents.jsonl", "activations-00000.safetensors"])
def test_what_is_gone_of_an_unfinished_capture_is_named(lm, tmp_path, file):
    stopped = Capture(lm, tmp_path)
    with pytest.raises(Cancelled):
        stopped.texts(progress=Stop(60))
    for folder in set_folders(stopped.unfinished, len(SITES)):
        (folder / file).write_bytes(b"")
    with pytest.raises(UserError, match=f"{file} is missing, or not what"):
        stopped.texts()
