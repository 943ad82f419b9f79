"""Capture jobs: what is said against them before they run, and how they go on."""

import shutil

import msgspec
import pytest

from engine.activations.corpus import Prompt
from engine.activations.store.manifest import read_documents_table, read_manifest
from engine.errors import UserError
from engine.jobs.kinds import Capture, CaptureResult
from engine.jobs.run import run
from engine.progress import Cancelled, Silent
from engine.workspace.folders import Workspace


class Stop(Silent):
    """Cancels when so much of a capture is done; keeps the notes."""

    def __init__(self, done: float) -> None:
        self.notes: list[str] = []
        self._done = done

    def __call__(self, phase: str, done: int, *_: object, **__: object) -> None:
        if phase == "capture" and done >= self._done:
            raise Cancelled

    def note(self, text: str) -> None:
        self.notes.append(text)


NEVER = float("inf")


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    monkeypatch.setattr("engine.activations.capture.documents.POOLED_PASSES", 2)
    return Workspace.open(tmp_path / "workspace")


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n\n".join(f"The cat number {n} sat on the mat." for n in range(700)))
    return path


def spec_of(texts, **others) -> Capture:
    sites = ["resid_post.0", "resid_post.1"]
    return Capture(name="set", model="demo", sites=sites, texts=[str(texts)], **others)


def bytes_of(workspace, spec) -> list[bytes]:
    folders = sorted(spec.makes(workspace))
    return [path.read_bytes() for folder in folders for path in sorted(folder.iterdir())]


def cancel(spec, workspace, done=5000) -> None:
    with pytest.raises(Cancelled):
        run(spec, workspace, Stop(done))


def test_a_capture_goes_on_with_the_same_outcome(workspace, texts, tmp_path):
    spec = spec_of(texts)
    expected = run(spec, workspace, Stop(NEVER))
    assert isinstance(expected, CaptureResult)
    other = Workspace.open(tmp_path / "other")
    cancel(spec, other)
    assert other.names("activations") == []

    resumed = spec.resumed_spec(other)
    assert resumed.resume
    stop = Stop(NEVER)
    result = run(resumed, other, stop)
    assert isinstance(result, CaptureResult)
    assert any(note.startswith("The capture goes on at token ") for note in stop.notes)
    assert bytes_of(other, spec) == bytes_of(workspace, spec)
    assert (result.tokens, result.documents) == (expected.tokens, expected.documents)
    assert [*(other.root / "captures").iterdir()] == []

    again = spec.resumed_spec(other)
    assert again.resume, "it may be interrupted when its sets are in their places"
    assert run(again, other, Stop(NEVER)).tokens == expected.tokens


def test_prompts_go_on_behind_the_last_one(workspace, tmp_path):
    prompts = [Prompt(f"The {word}") for word in ("cat", "dog", "sun", "sea")]
    spec = Capture(name="set", model="demo", sites=["resid_post.1"], prompts=prompts, generate=4)
    run(spec, workspace, Stop(NEVER))
    other = Workspace.open(tmp_path / "other")
    cancel(spec, other, 2)
    run(spec.resumed_spec(other), other, Stop(NEVER))
    assert bytes_of(other, spec) == bytes_of(workspace, spec)


def test_a_capture_that_was_begun_is_not_begun_again_without_a_word(workspace, texts):
    spec = spec_of(texts)
    with pytest.raises(UserError, match="nothing of a capture 'set' to go on from"):
        msgspec.structs.replace(spec, resume=True).check(workspace)
    cancel(spec, workspace)
    with pytest.raises(UserError, match=r"set was begun before: .* tokens are stored.*--resume"):
        spec.check(workspace)
    with pytest.raises(UserError, match="begun with no --max-tokens, and can't go on with --max"):
        spec_of(texts, max_tokens=9000, resume=True).check(workspace)
    with pytest.raises(UserError, match=r"begun with --site resid_post\.0 resid_post\.1"):
        others = msgspec.structs.replace(spec, sites=["resid_post.1"], resume=True)
        others.check(workspace)
    msgspec.structs.replace(spec, resume=True).check(workspace)

    anew = spec_of(texts, replace=True, max_tokens=500)
    run(anew, workspace, Stop(NEVER))
    assert read_manifest(workspace.activations("set.resid_post.0")).tokens == 500
    with pytest.raises(UserError, match="already there"):
        spec.check(workspace)
    run(msgspec.structs.replace(anew, max_tokens=400), workspace, Stop(NEVER))
    assert read_manifest(workspace.activations("set.resid_post.1")).tokens == 400


def test_a_text_that_has_changed_is_named(workspace, texts):
    spec = spec_of(texts)
    cancel(spec, workspace)
    texts.write_text(texts.read_text() + "\n\nOne more.")
    with pytest.raises(UserError, match=f"the file {texts} is not what it was"):
        run(spec.resumed_spec(workspace), workspace, Stop(NEVER))


def test_a_capture_that_was_killed_early_begins_anew(workspace, texts):
    spec = spec_of(texts, max_tokens=300)
    (workspace.capture("set") / "0").mkdir(parents=True)
    resumed = spec.resumed_spec(workspace)
    assert not resumed.resume
    run(resumed, workspace, Stop(NEVER))
    assert len(read_documents_table(workspace.activations("set.resid_post.0"))) > 10


def test_a_document_that_cannot_be_read_is_left_out_and_named(workspace, tmp_path):
    lines = [f'{{"text": "story {n}"}}'.encode() for n in range(120)]
    for number in (3, 7, 20, 30, 40, 50):
        lines[number] = b'{"text": broken'
    lines[9] = b'{"text": "\xff"}'
    path = tmp_path / "stories.jsonl"
    path.write_bytes(b"\n".join(lines))
    stop = Stop(NEVER)
    result = run(spec_of(path), workspace, stop)
    assert isinstance(result, CaptureResult)
    assert (result.documents, result.left_out) == (113, 7)
    assert stop.notes[0].startswith(f"{path}, line 4, is not JSON")
    assert stop.notes[2] == f"{path}, line 10, is not UTF-8 text. It is left out."
    assert stop.notes[-1] == "7 documents that can't be read were left out in all."
    texts = [d.text for d in read_documents_table(workspace.activations("set.resid_post.0"))]
    assert texts == [f"story {n}" for n in range(120) if n not in (3, 7, 9, 20, 30, 40, 50)]


def test_a_file_that_is_broken_throughout_is_refused(workspace, tmp_path):
    path = tmp_path / "stories.jsonl"
    path.write_text('{"text": "a"}\n' + "{broken\n" * 30)
    with pytest.raises(UserError, match="11 of the first 12 documents can't be read"):
        run(spec_of(path), workspace, Stop(NEVER))


def test_a_disk_that_is_too_small_is_noticed_before_the_model_runs(workspace, texts, monkeypatch):
    usage = shutil.disk_usage(workspace.root)._replace(free=1_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"takes [\d.]+ MB, and 1.0 MB are free.*--max-tokens"):
        run(spec_of(texts, max_tokens=5000), workspace, Stop(0))
    with pytest.raises(UserError, match=r"takes [\d.]+ MB, and 1.0 MB are free"):
        run(spec_of(texts), workspace, Stop(0))  # as many tokens as bytes, for all that is known
    run(spec_of(texts, max_tokens=100), workspace, Stop(NEVER))


def test_progress_of_text_goes_to_a_total(workspace, texts):
    told = []

    class Watch(Stop):
        def __call__(self, phase, done, total=None, *_, **__):
            if phase == "capture":
                told.append((done, total))

    run(spec_of(texts), workspace, Watch(NEVER))
    totals = {total for _, total in told}
    whole = told[-1][0]
    assert all(done <= total for done, total in told)
    assert all(0.8 * whole < total < 1.2 * whole for total in totals)
    assert told[-1] == (whole, whole)
