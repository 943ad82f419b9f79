"""Jobs on a model that parks massive activations on one character, wherever that stands."""

import itertools
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.activations.batches.stored import split_documents
from engine.activations.capture.documents import capture_documents
from engine.activations.store.activation_set import ActivationSet
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.examples.document import whole_document
from engine.features.search.contrast import contrast
from engine.files import sha256
from engine.jobs.kinds import Evaluate, Scan, Train
from engine.jobs.work.evaluate import evaluate_sae
from engine.jobs.work.scan import scan_sae
from engine.jobs.work.train_sae import train_sae
from engine.model.load import load_model
from engine.model.site import parse_site
from engine.progress import SILENT, Cancelled
from engine.sae.evaluation.reconstruction import evaluate
from engine.sae.evaluation.vectors import StoredVectors
from engine.sae.formats.metadata import read_metadata
from engine.sae.formats.store import load_sae
from engine.sae.training.checkpoint import RECORD, SUMS, all_checkpoints
from engine.workspace.folders import Workspace
from tests.noting import Noting

torch.set_num_threads(1)

SITE = parse_site("resid_post.1")
SINK = "#"
TEXTS = [
    f"{SINK}{animal} number {n} ran{SINK if n % 5 == 0 else ' '}home."
    for n in range(40)
    for animal in ("dog", "cat")
]


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory, tiny_llama_path: Path) -> Path:
    """A workspace with a set of that model, and the model beside it."""
    root = tmp_path_factory.mktemp("sinks")
    shutil.copytree(tiny_llama_path, root / "model")
    model = AutoModelForCausalLM.from_pretrained(root / "model")
    sink = AutoTokenizer.from_pretrained(root / "model").convert_tokens_to_ids(SINK)
    with torch.no_grad():
        model.get_input_embeddings().weight[sink] *= 1000
    model.save_pretrained(root / "model")
    workspace = Workspace.open(root / "ws")
    lm = load_model(str(root / "model"), dtype="float32", device="cpu")
    capture_documents(lm, TEXTS, [SITE], [workspace.activations("read")], origin="texts")
    return root


@pytest.fixture
def workspace(captured: Path, tmp_path: Path) -> Workspace:
    """A workspace of its own that has the set, too."""
    workspace = Workspace.open(tmp_path / "ws")
    workspace.activations("read").symlink_to(captured / "ws" / "activations" / "read")
    return workspace


@pytest.fixture
def acts(workspace: Workspace) -> ActivationSet:
    return ActivationSet.open(workspace.activations("read"))


def is_sink() -> torch.Tensor:
    """[tokens] bool: a character is a token, and nothing stands before a text."""
    return torch.tensor([character == SINK for text in TEXTS for character in text])


def spec(name: str = "x", **other: Any) -> Train:
    settings = {"activations": "read", "width": 48, "tokens": 6400, "batch": 64, "device": "cpu"}
    return Train(name=name, **{**settings, **other})


def test_a_capture_finds_that_character(acts: ActivationSet) -> None:
    taken = acts.measure_rows().taken()
    assert taken.tolist() == (~is_sink()).tolist()


def test_a_training_says_how_many_there_are_and_what_their_norms_are(
    workspace: Workspace, acts: ActivationSet
) -> None:
    notes = Noting()
    made = train_sae(spec(), workspace, notes)
    assert (made.sinks, made.keep_sinks) == (int(is_sink().sum()), False)
    assert any(f"{made.sinks} are sinks" in note and "left out" in note for note in notes.notes)
    about = read_metadata(workspace.sae("x"))
    assert about.row_summary == made.row_summary == acts.measure_rows().summary
    assert made.metrics["vectors"] == len(acts) - made.sinks  # of so few, nothing is held out

    kept = train_sae(spec(keep_sinks=True, replace=True), workspace, notes)
    assert (kept.sinks, kept.keep_sinks) == (made.sinks, True)
    assert kept.metrics["vectors"] == len(acts)
    assert read_metadata(workspace.sae("x")).keep_sinks
    with pytest.raises(UserError, match="No checkpoint of x is whole"):
        train_sae(spec(resume=True), workspace, notes)  # which would be on other rows


def test_a_stream_leaves_out_the_same(workspace: Workspace, captured: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n\n".join(TEXTS))
    stored = train_sae(spec(), workspace, SILENT)
    settings = {"model": str(captured / "model"), "site": str(SITE), "texts": [str(texts)]}
    made = train_sae(spec(activations="", replace=True, **settings), workspace, SILENT)
    about = read_metadata(workspace.sae("x"))
    assert about.row_summary is not None
    assert about.row_summary.rule is not None
    assert stored.row_summary is not None
    assert stored.row_summary.rule is not None
    assert about.row_summary.rule.max_norm == pytest.approx(
        stored.row_summary.rule.max_norm, rel=0.05
    )
    assert made.sinks == about.row_summary.counts.sink > 0
    assert made.metrics["fvu"] == pytest.approx(stored.metrics["fvu"], rel=0.5)
    kept = train_sae(
        spec(activations="", replace=True, keep_sinks=True, **settings), workspace, SILENT
    )
    assert kept.metrics["vectors"] > made.metrics["vectors"]  # type: ignore[operator]


def test_an_evaluation_is_of_text_and_with_keep_sinks_of_all(
    workspace: Workspace, acts: ActivationSet
) -> None:
    train_sae(spec(), workspace, SILENT)
    sae, _ = load_sae(workspace.sae("x"))
    figures = {}
    for keep_sinks in (True, False):
        question = Evaluate(sae="x", device="cpu", keep_sinks=keep_sinks)
        got = figures[keep_sinks] = evaluate_sae(question, workspace, SILENT)
        choice = "finite" if keep_sinks else "text"
        rows, _ = split_documents(acts, 0.0, 0, choice=choice)
        assert got.vectors == len(rows) == len(acts) - (0 if keep_sinks else is_sink().sum())
        expected = evaluate(sae, StoredVectors(acts, rows)).metrics
        assert (got.fvu, got.l0) == (expected.fvu, expected.l0)
        assert got.row_summary == acts.measure_rows().summary
        assert read_metadata(workspace.sae("x")).measured_with_sinks == keep_sinks
    assert figures[True].ce_clean == figures[False].ce_clean
    assert figures[True].ce_sae != figures[False].ce_sae
    assert figures[True].ce_zero != figures[False].ce_zero


def test_a_scan_counts_no_sink_unless_it_is_to_keep_them(
    workspace: Workspace, acts: ActivationSet
) -> None:
    train_sae(spec(keep_sinks=True), workspace, SILENT)
    sae, _ = load_sae(workspace.sae("x"))
    with torch.no_grad():
        codes = sae.encode(acts.rows(torch.arange(len(acts))))
    codes = codes.where(codes > sae.active_threshold, 0)
    is_text = ~is_sink()
    sinks_peak = int((codes[~is_text].amax(0) - codes[is_text].amax(0)).argmax())
    for keep_sinks, counted in ((True, codes), (False, codes[is_text])):
        made = scan_sae(Scan(sae="x", device="cpu", keep_sinks=keep_sinks), workspace, SILENT)
        assert made.tokens == len(counted)
        catalogue = Catalogue.open(workspace.catalogue("x"))
        assert catalogue.manifest.keep_sinks == keep_sinks
        assert catalogue.manifest.row_summary == acts.measure_rows().summary
        torch.testing.assert_close(torch.tensor(catalogue.columns["max"]), counted.amax(0))
        density = (counted > 0).double().mean(0).float()
        torch.testing.assert_close(torch.tensor(catalogue.columns["density"]), density)
        best = catalogue.examples(sinks_peak)[0] if counted[:, sinks_peak].any() else None
        on_sink = best is not None and TEXTS[best.document][best.position] == SINK
        assert on_sink == keep_sinks
        choice = "finite" if keep_sinks else "text"
        shown = whole_document(sae, acts, sinks_peak, 0, choice=choice).activations
        assert (shown[0] > 0) == keep_sinks


def test_texts_are_contrasted_without_sinks(workspace: Workspace, captured: Path) -> None:
    made = train_sae(spec(keep_sinks=True), workspace, SILENT)
    sae, _ = load_sae(workspace.sae("x"))
    assert made.row_summary is not None
    lm = load_model(str(captured / "model"), dtype="float32", device="cpu")
    one, many = ["a dog ran home. " * 3], [f"{SINK}a dog{SINK} ran home. " * 3]
    found = contrast(lm, sae, SITE, lambda: one, lambda: many, sink_rule=made.row_summary.rule)
    assert (found.tokens_a, found.tokens_b) == (len(one[0]), len(many[0]) - many[0].count(SINK))
    with pytest.raises(UserError, match="beside BOS and attention sinks"):
        contrast(lm, sae, SITE, lambda: one, lambda: [SINK], sink_rule=made.row_summary.rule)


def test_a_training_that_an_older_version_began_goes_on_with_its_rows(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(Train, "choice", property(lambda _: "behind_start"))
        train_sae(spec(name="whole"), workspace, SILENT)
        with pytest.raises(Cancelled):
            train_sae(spec(), workspace, Noting(30))
    (checkpoint,) = all_checkpoints(workspace.checkpoints("x"))
    record = msgspec.json.decode((checkpoint / RECORD).read_bytes())
    assert record["about"].pop("choice") == "behind_start"
    del record["about"]["spec"]["keep_sinks"]
    (checkpoint / RECORD).write_bytes(msgspec.json.encode(record))
    lines = [line.split("  ") for line in (checkpoint / SUMS).read_text().splitlines()]
    sums = [f"{sha256(checkpoint / name)}  {name}\n" for _, name in lines]
    (checkpoint / SUMS).write_text("".join(sums))

    resumed = spec(resume=True)
    resumed.check(workspace)
    train_sae(resumed, workspace, SILENT)
    saes = [load_sae(workspace.sae(name))[0].state_dict() for name in ("x", "whole")]
    assert all(torch.equal(one, saes[1][name]) for name, one in saes[0].items())
    assert read_metadata(workspace.sae("x")).keep_sinks


def test_what_was_begun_with_sinks_does_not_go_on_without(workspace: Workspace) -> None:
    with pytest.raises(Cancelled):
        train_sae(spec(keep_sinks=True), workspace, Noting(30))
    with pytest.raises(UserError, match="begun with --keep-sinks"):
        spec(resume=True).check(workspace)


def test_documents_are_held_out_whichever_rows_are_taken(acts: ActivationSet) -> None:
    for share, seed in itertools.product((0.1, 0.5), range(3)):
        held = [
            {
                int(acts_row)
                for acts_row in _documents_of(
                    acts, split_documents(acts, share, seed, choice=choice)[1]
                )
            }
            for choice in ("text", "finite", "behind_start")
        ]
        assert held[0] == held[1] == held[2]


def _documents_of(acts: ActivationSet, rows: torch.Tensor) -> list[int]:
    found: list[int] = (torch.searchsorted(acts.document_bounds, rows, right=True) - 1).tolist()
    return found
