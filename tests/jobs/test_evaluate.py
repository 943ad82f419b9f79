"""The evaluation job: which vectors and which text it uses, and what it keeps."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.activations.batches.stored import split_documents
from engine.activations.capture.documents import capture_documents
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.stored_windows import stored_windows
from engine.errors import UserError
from engine.jobs.kinds import Evaluate, EvaluateResult
from engine.jobs.run import run
from engine.model.load import load_model
from engine.model.site import parse_site
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.evaluation.decoder_cosine import nearest_cosines
from engine.sae.evaluation.reconstruction import evaluate
from engine.sae.evaluation.splice import splice
from engine.sae.evaluation.vectors import StoredVectors
from engine.sae.formats.metadata import SAEMetadata, read_metadata
from engine.sae.formats.stated_figures import StatedFigures
from engine.sae.formats.store import load_sae, save_metadata, save_sae
from engine.workspace.folders import Workspace

SITE, TARGET = parse_site("resid_pre.1"), parse_site("mlp_out.1")
TRAINED = TrainConfig(tokens=100, batch=10, lr=1e-3, held_out=0.3, seed=5)
D = 32


@pytest.fixture(scope="module")
def made(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, sets of two of its sites, one of other text, and an SAE that says it was trained."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("evaluate")
    shutil.copytree(tiny_llama_path, root / "model")
    workspace = Workspace.open(root / "ws")
    lm = load_model(str(root / "model"), dtype="float32", device="cpu")
    for texts, names in ((range(12), ("acts", "target")), (range(90, 94), ("other", "rest"))):
        capture_documents(
            lm,
            [f"Story {i}: " + "the dog ran. " * (1 + i % 3) for i in texts],
            [SITE, TARGET],
            [workspace.activations(name) for name in names],
            origin="texts",
            context=24,
        )
    metadata = SAEMetadata(
        model=lm.source, site=str(SITE), activations="acts", train_config=TRAINED, trained_tokens=99
    )
    config = SAEConfig(architecture="topk", d_in=D, d_sae=64, k=5)
    save_sae(build(config).requires_grad_(False), workspace.sae("sae"), metadata)
    return root


@pytest.fixture
def workspace(made: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(made / "ws", tmp_path / "ws")
    return Workspace.at(tmp_path / "ws")


class Listening:
    """A progress that keeps notes, and does something when the decoder is looked at."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.notes: list[str] = []
        self._then = then

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        if phase == "compare decoder directions":
            self._then()

    def note(self, text: str) -> None:
        self.notes.append(text)


def measure(
    workspace: Workspace, progress: Listening | None = None, **changes: object
) -> EvaluateResult:
    spec = msgspec.structs.replace(Evaluate(sae="sae", device="cpu"), **changes)
    result = run(spec, workspace, progress or Listening())
    assert isinstance(result, EvaluateResult)
    return result


def change_metadata(workspace: Workspace, **changes: object) -> None:
    folder = workspace.sae("sae")
    save_metadata(folder, msgspec.structs.replace(read_metadata(folder), **changes))


def test_it_measures_on_what_training_held_out(workspace: Workspace) -> None:
    got = measure(workspace)
    acts = ActivationSet.open(workspace.activations("acts"))
    sae, metadata = load_sae(workspace.sae("sae"))
    _, held = split_documents(acts, TRAINED.held_out, TRAINED.seed)
    expected = evaluate(sae, StoredVectors(acts, held)).metrics
    assert (got.activations, got.split, got.vectors) == ("acts", "held_out", len(held))
    assert 0 < len(held) < len(acts) / 2
    for name in ("mse", "fvu", "explained_variance", "l0", "cosine", "norm_ratio", "dead_fraction"):
        assert getattr(got, name) == getattr(expected, name)
    assert got.max_decoder_cosine == pytest.approx(nearest_cosines(sae.W_dec).max().item())
    assert got.mean_decoder_cosine == pytest.approx(nearest_cosines(sae.W_dec).mean().item())
    assert got.histogram is None

    bounds = acts.document_bounds
    documents = [i for i in range(12) if ((held >= bounds[i]) & (held < bounds[i + 1])).any()]
    lm = load_model(metadata.model, dtype="float32", device="cpu")
    windows = list(stored_windows(acts, documents))
    spliced = splice(lm, sae, SITE, windows, start_token_ids=lm.start_ids)
    assert got.predictions == spliced.predictions
    for name in ("ce_clean", "ce_sae", "ce_zero", "delta_ce", "kl"):
        assert getattr(got, name) == pytest.approx(getattr(spliced, name), rel=1e-6)


def test_the_figures_take_the_place_of_older_ones(workspace: Workspace) -> None:
    old = {"loss": 3.0, "training_l0": 4.0, "fvu": 9.0, "ce_score": 0.5}
    change_metadata(workspace, metrics=old)
    got = measure(workspace)
    kept = read_metadata(workspace.sae("sae"))
    assert kept.measured_on == "acts"
    assert kept.metrics.items() >= {"loss": 3.0, "training_l0": 4.0, "fvu": got.fvu}.items()
    assert kept.metrics["l0_gap"] == got.l0_gap == pytest.approx(got.l0 - 4)
    assert kept.metrics["ce_score"] == got.ce_score
    assert kept.metrics["kl"] == got.kl
    assert kept.train_config == TRAINED


def test_what_the_publisher_states_is_told_beside_and_kept(workspace: Workspace) -> None:
    stated = StatedFigures(figures={"l0": 5.0, "ce_score": 0.9}, where="eval_results.json")
    change_metadata(workspace, stated=stated)
    got = measure(workspace)
    assert got.stated == stated
    assert read_metadata(workspace.sae("sae")).stated == stated


def test_another_set_is_used_whole(workspace: Workspace) -> None:
    got = measure(workspace, activations="other", histogram=True)
    acts = ActivationSet.open(workspace.activations("other"))
    without_bos, _ = split_documents(acts, 0.0, 0)
    assert (got.activations, got.split, got.vectors) == ("other", "all", len(without_bos))
    assert got.histogram is not None
    assert got.histogram.dead == round(got.dead_fraction * 64)
    assert got.histogram.dead + sum(got.histogram.counts) == 64
    assert read_metadata(workspace.sae("sae")).measured_on == "other"


def test_where_nothing_was_held_out_it_says_that_it_measures_on_what_was_trained_on(
    workspace: Workspace,
) -> None:
    change_metadata(workspace, train_config=msgspec.structs.replace(TRAINED, held_out=0.0))
    got = measure(workspace)
    without_bos, _ = split_documents(ActivationSet.open(workspace.activations("acts")), 0.0, 0)
    assert (got.split, got.vectors) == ("trained_on", len(without_bos))
    change_metadata(workspace, train_config=None)
    assert measure(workspace).split == "all"


def test_no_more_text_is_read_than_was_asked_for(workspace: Workspace) -> None:
    whole, little = measure(workspace), measure(workspace, max_tokens=1)
    assert whole.predictions is not None
    assert little.predictions is not None
    assert 0 < little.predictions < min(24, whole.predictions)
    again = measure(workspace, max_tokens=1)
    assert msgspec.structs.replace(again, seconds=little.seconds) == little


def test_without_its_model_the_other_figures_are_measured(workspace: Workspace) -> None:
    change_metadata(workspace, metrics={"ce_score": 0.5, "kl": 0.1})
    edit_manifest(workspace, "acts", model=str(workspace.root / "gone"))
    progress = Listening()
    got = measure(workspace, progress)
    assert got.explained_variance is not None
    assert (got.ce_score, got.delta_ce, got.kl, got.predictions) == (None,) * 4
    assert any("CE score" in note and "gone" in note for note in progress.notes)
    assert not {"ce_score", "kl"} & read_metadata(workspace.sae("sae")).metrics.keys()


@pytest.mark.parametrize(
    ("missing", "said"),
    [({"model": ""}, "which model"), ({"site": ""}, "which site"), ({"tokenizer": ""}, "no model")],
)
def test_what_a_set_does_not_say_is_noted(
    workspace: Workspace, missing: dict[str, str], said: str
) -> None:
    edit_manifest(workspace, "acts", **missing)
    progress = Listening()
    assert measure(workspace, progress).kl is None
    assert any(said in note for note in progress.notes)


def test_a_model_that_was_moved_can_be_named(
    workspace: Workspace, made: Path, tmp_path: Path
) -> None:
    usual = measure(workspace)
    shutil.copytree(made / "model", tmp_path / "moved")
    edit_manifest(workspace, "acts", model=str(tmp_path / "gone"))
    progress = Listening()
    got = measure(workspace, progress, model=str(tmp_path / "moved"))
    assert (got.ce_score, got.kl) == (usual.ce_score, usual.kl)
    assert any("gone" in note for note in progress.notes)


def test_a_model_that_was_named_must_be_the_sets_own(
    workspace: Workspace, made: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="neither a model's folder"):
        measure(workspace, model=str(tmp_path / "nowhere"))
    shutil.copytree(made / "model", tmp_path / "other")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "other")
    torch.nn.init.normal_(model.model.layers[0].mlp.down_proj.weight)
    model.save_pretrained(tmp_path / "other")
    with pytest.raises(UserError, match="does not give the activations"):
        measure(workspace, model=str(tmp_path / "other"))
    assert read_metadata(workspace.sae("sae")).metrics == {}


def test_a_transcoder_is_held_against_the_set_of_its_target(workspace: Workspace) -> None:
    config = SAEConfig(architecture="relu", d_in=D, d_sae=64, d_out=D)
    save_sae(build(config).requires_grad_(False), workspace.sae("transcoder"), SAEMetadata())
    with pytest.raises(UserError, match="Name the set of what it predicts"):
        measure(workspace, sae="transcoder", activations="acts")
    with pytest.raises(UserError, match="don't match row by row"):
        measure(workspace, sae="transcoder", activations="acts", target="rest")
    with pytest.raises(UserError, match="same site"):
        measure(workspace, sae="transcoder", activations="acts", target="acts")
    got = measure(workspace, sae="transcoder", activations="acts", target="target")

    sae, _ = load_sae(workspace.sae("transcoder"))
    acts, target = (ActivationSet.open(workspace.activations(n)) for n in ("acts", "target"))
    rows, _ = split_documents(acts, 0.0, 0)
    errors = (sae(acts.rows(rows)) - target.rows(rows)).square().mean()
    assert got.mse == pytest.approx(errors.item(), rel=1e-5)
    assert got.kl is not None
    assert got.kl > 0


def test_an_sae_that_was_trained_again_meanwhile_keeps_its_own_figures(
    workspace: Workspace,
) -> None:
    newer = {"fvu": 0.123}

    def retrain() -> None:
        change_metadata(workspace, trained_tokens=123, metrics=newer)

    progress = Listening(retrain)
    measure(workspace, progress)
    assert read_metadata(workspace.sae("sae")).metrics == newer
    assert any("trained again meanwhile" in note for note in progress.notes)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (Evaluate(sae="none"), "no SAE 'none'"),
        (Evaluate(sae="sae", activations="none"), "no activation set 'none'"),
        (Evaluate(sae="sae", activations="target"), "reads resid_pre.1, and target was captured"),
        (Evaluate(sae="sae", target="target"), "reconstructs what it reads"),
        (Evaluate(sae="sae", max_tokens=0), "--max-tokens must be at least 1"),
        (Evaluate(sae="narrow", activations="acts"), "narrow reads activations 7 wide"),
        (Evaluate(sae="narrow"), "does not say what it was trained on"),
    ],
)
def test_mistakes_are_told_before_anything_is_read(
    workspace: Workspace, spec: Evaluate, said: str
) -> None:
    config = SAEConfig(architecture="topk", d_in=7, d_sae=9, k=2)
    save_sae(build(config), workspace.sae("narrow"), SAEMetadata())
    with pytest.raises(UserError) as refused:
        run(spec, workspace, Listening())
    assert said in str(refused.value)


def test_it_uses_the_sae_and_the_sets_and_makes_nothing_of_its_own(workspace: Workspace) -> None:
    spec = Evaluate(sae="sae", target="target")
    used = {workspace.sae("sae"), workspace.activations("acts"), workspace.activations("target")}
    assert spec.reads(workspace) == used
    assert spec.makes(workspace) == set()


def edit_manifest(workspace: Workspace, name: str, **changes: str) -> None:
    path = workspace.activations(name) / "manifest.json"
    path.write_bytes(msgspec.json.encode(msgspec.json.decode(path.read_bytes()) | changes))
