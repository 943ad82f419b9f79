"""What a model computes in, from the capture to a clamp: recorded everywhere, and kept to."""

import shlex
from pathlib import Path

import msgspec
import pytest
import torch

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import MANIFEST, read_manifest
from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.spec import ClampRequest, FeatureEdit
from engine.jobs.kinds import Capture, Evaluate, Scan, Train
from engine.jobs.run import run
from engine.model.load import load_model
from engine.model.observe import observe
from engine.model.site import Site
from engine.progress import SILENT
from engine.sae.formats.metadata import read_metadata
from engine.service import protocol as p
from engine.service.session import Session
from engine.service.worker_handlers.registry import answer
from engine.workspace.folders import Workspace
from tests.noting import Noting

SITE = "resid_post.1"


@pytest.fixture(scope="module")
def made(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """A workspace with a capture in bfloat16, and an SAE that was trained on it and scanned."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("dtype")
    (root / "text.txt").write_text("\n\n".join(f"Dog {i} ran. " * 20 for i in range(30)))
    workspace = Workspace.open(root / "ws")
    for spec in (
        Capture(
            name="half",
            model=str(tiny_llama_path),
            model_dtype="bfloat16",
            sites=[SITE],
            texts=[str(root / "text.txt")],
            context=32,
            device="cpu",
        ),
        Train(name="sae", activations="half", width=32, k=4, tokens=3000, batch=64, device="cpu"),
        Scan(sae="sae", device="cpu"),
    ):
        run(spec, workspace, SILENT)
    return workspace, str(tiny_llama_path)


def clamp(workspace: Workspace, session: Session, **changes: object) -> p.ClampReport:
    edits = [FeatureEdit(feature=1, value=5.0)]
    request = ClampRequest(sae="sae", edits=edits, prompts=["A dog ran"], nulls=0, generate=2)
    request = msgspec.structs.replace(request, **changes)
    return answer(p.Clamp(request=request, device="cpu"), session)


def test_what_the_model_computed_in_is_in_every_record(made: tuple[Workspace, str]) -> None:
    workspace, _ = made
    assert read_manifest(workspace.activations("half")).model_dtype == "bfloat16"
    about = read_metadata(workspace.sae("sae"))
    assert (about.model_dtype, about.measured_dtype) == ("bfloat16", "bfloat16")
    assert Catalogue.open(workspace.catalogue("sae")).manifest.model_dtype == "bfloat16"


def test_activations_are_those_of_the_model_in_that_type(made: tuple[Workspace, str]) -> None:
    workspace, model = made
    acts = ActivationSet.open(workspace.activations("half"))
    lm = load_model(model, dtype="bfloat16", device="cpu")
    ids, stored = (rows[:32] for rows in acts.document(0))
    seen = observe(lm, ids.long()[None], [Site("resid_post", 1)])
    expected = next(iter(seen.values()))[0].float()
    torch.testing.assert_close(stored, expected, rtol=0.02, atol=0.02)
    assert torch.equal(stored, stored.bfloat16().float())


def test_a_clamp_runs_the_model_as_it_was_captured_and_says_so(
    made: tuple[Workspace, str],
) -> None:
    workspace, model = made
    session = Session(workspace, SILENT)
    report = clamp(workspace, session)
    assert (report.model, report.model_dtype) == (model, "bfloat16")
    words = shlex.split(report.reproduce)
    assert words[words.index("--model-dtype") + 1] == "bfloat16"
    assert isinstance(report, p.ModelReport)
    assert report.checks.no_op
    assert report.checks.hf_identical
    assert report.checks.error_kept


def test_another_type_is_taken_where_it_is_asked_for_with_a_note(
    made: tuple[Workspace, str],
) -> None:
    workspace, _ = made
    notes = Noting()
    report = clamp(workspace, Session(workspace, notes), model_dtype="float32")
    assert report.model_dtype == "float32"
    assert notes.has("sae is of the model in bfloat16, which runs in float32")


def test_the_model_that_is_kept_is_told_by_its_type(made: tuple[Workspace, str]) -> None:
    workspace, model = made
    session = Session(workspace, SILENT)
    half = session.subject("sae", "cpu").lm
    assert session.model(model, "cpu", "bfloat16") is half
    assert session.any_model(model) is half
    assert answer(p.GetSites(model=model), session).sites
    assert session.subject("sae", "cpu").lm is half  # places of a model are no reason to reload it
    whole = session.model(model, "cpu", "float32")
    assert whole.dtype == torch.float32
    assert session.subject("sae", "cpu").lm is not whole


def test_an_evaluation_follows_the_set_and_records_what_it_did(
    made: tuple[Workspace, str],
) -> None:
    workspace, _ = made
    usual = run(Evaluate(sae="sae", device="cpu", max_tokens=200), workspace, SILENT)
    assert usual.model_dtype == "bfloat16"
    notes = Noting()
    other = run(
        Evaluate(sae="sae", device="cpu", max_tokens=200, model_dtype="float32"), workspace, notes
    )
    assert other.model_dtype == "float32"
    assert read_metadata(workspace.sae("sae")).measured_dtype == "float32"
    assert notes.has("half is of the model in bfloat16")
    assert other.ce_clean == pytest.approx(usual.ce_clean, rel=0.05)


def test_sets_of_two_types_are_joined_with_a_note(made: tuple[Workspace, str]) -> None:
    workspace, model = made
    text = workspace.root.parent / "text.txt"
    capture = Capture(name="whole", model=model, sites=[SITE], texts=[str(text)], context=32)
    run(capture, workspace, SILENT)
    assert read_manifest(workspace.activations("whole")).model_dtype == "float32"
    notes = Noting()
    run(Evaluate(sae="sae", activations="whole", max_tokens=100), workspace, notes)
    said = "in bfloat16, and whole holds those of the model in float32: they differ by rounding"
    assert notes.has(said)


def test_a_set_that_does_not_say_is_joined_without_a_note(made: tuple[Workspace, str]) -> None:
    workspace, model = made
    capture = Capture(name="old", model=model, sites=[SITE], prompts=[p.Prompt("A dog ran.")])
    run(capture, workspace, SILENT)
    path = workspace.activations("old") / MANIFEST
    stored = msgspec.json.decode(path.read_bytes())
    del stored["model_dtype"], stored["quantisation"]
    path.write_bytes(msgspec.json.encode(stored))
    notes = Noting()
    run(Evaluate(sae="sae", activations="old", max_tokens=100), workspace, notes)
    assert not notes.has("rounding")


def test_a_training_on_a_stream_says_what_the_model_computes_in(
    made: tuple[Workspace, str],
) -> None:
    workspace, model = made
    text = workspace.root.parent / "text.txt"
    spec = Train(
        name="streamed",
        model=model,
        model_dtype="bfloat16",
        site=SITE,
        texts=[str(text)],
        width=32,
        k=4,
        tokens=1000,
        batch=64,
        context=32,
        device="cpu",
    )
    assert run(spec, workspace, SILENT).model_dtype == "bfloat16"
    about = read_metadata(workspace.sae("streamed"))
    assert (about.model_dtype, about.measured_dtype) == ("bfloat16", "bfloat16")
