"""Models over several devices, and with weights in 8 bits, from the capture to a clamp."""

import json
import shlex
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
import torch

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import read_manifest
from engine.features.catalogue.catalogue import Catalogue
from engine.interventions.spec import ClampRequest, FeatureEdit
from engine.jobs.kinds import Capture, Evaluate, Scan, Train
from engine.jobs.run import run
from engine.model.device import choose_device
from engine.progress import SILENT
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats.metadata import read_metadata
from engine.service import protocol as p
from engine.service.session import Session
from engine.service.worker_handlers.registry import answer
from engine.workspace.folders import Workspace
from tests.noting import Noting

SITE = "resid_post.1"


class Made:
    """A workspace with an SAE, trained on what a model showed that was loaded in one way."""

    def __init__(self, root: Path, model: Path, **loading: str) -> None:
        self.model = str(model)
        self.workspace = Workspace.open(root / "ws")
        text = root / "text.txt"
        text.write_text("\n\n".join(f"Dog {i} ran. " * 20 for i in range(30)))
        self.capture = Capture(
            name="acts",
            model=self.model,
            model_dtype="float32",
            sites=[SITE],
            texts=[str(text)],
            context=32,
            device="cpu",
            **loading,
        )
        train = Train(
            name="sae", activations="acts", width=32, k=4, tokens=3000, batch=64, device="cpu"
        )
        for spec in (self.capture, train, Scan(sae="sae", device="cpu")):
            run(spec, self.workspace, SILENT)

    def clamp(self, notes: Noting, **changes: object) -> p.ModelReport:
        edits = [FeatureEdit(feature=1, value=5.0)]
        request = ClampRequest(sae="sae", edits=edits, prompts=["A dog ran"], nulls=2, generate=3)
        request = msgspec.structs.replace(request, **changes)
        session = Session(self.workspace, notes)
        report = answer(p.Clamp(request=request, device="auto"), session)
        assert isinstance(report, p.ModelReport)
        return report


@pytest.fixture(scope="module")
def plain(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    torch.set_num_threads(1)
    return Made(tmp_path_factory.mktemp("plain"), tiny_llama_path)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("map") / "places.json"
    on_cpu = ("embed_tokens", "rotary_emb", "layers.0", "layers.2", "norm")
    map = {f"model.{name}": "cpu" for name in on_cpu}
    path.write_text(json.dumps(map | {"model.layers.1": "disk", "lm_head": "disk"}))
    return str(path)


def test_a_spread_model_is_captured_and_evaluated_to_the_same_bits(
    plain: Made, places: str
) -> None:
    notes = Noting()
    spec = msgspec.structs.replace(plain.capture, name="spread", device_map=places)
    run(spec, plain.workspace, notes)
    assert notes.has("is spread over 5 on cpu, 2 on the disk")
    sets = [ActivationSet.open(plain.workspace.activations(name)) for name in ("acts", "spread")]
    everything = torch.arange(sets[0].manifest.tokens)
    assert torch.equal(*(acts.rows(everything) for acts in sets))
    figures = [
        run(Evaluate(sae="sae", max_tokens=200, device_map=given), plain.workspace, SILENT)
        for given in ("", places)
    ]
    assert figures[0].ce_sae is not None
    assert (figures[0].ce_clean, figures[0].ce_sae) == (figures[1].ce_clean, figures[1].ce_sae)


def test_a_spread_model_is_clamped_and_searched_as_one_in_one_place(
    plain: Made, places: str
) -> None:
    notes = Noting()
    usual, spread = plain.clamp(notes), plain.clamp(notes, device_map=places)
    assert notes.has("is spread over")
    assert spread.prompts == usual.prompts
    assert spread.checks == usual.checks
    words = shlex.split(spread.reproduce)
    assert words[words.index("--device-map") + 1] == places
    session = Session(plain.workspace, notes)
    found = [
        answer(p.FindFiring(sae="sae", prompt="A dog", ablate=3, device_map=given), session)
        for given in ("", places)
    ]
    assert found[0] == found[1]
    assert answer(p.GetSites(model=plain.model, device_map=places), session).sites


def test_an_sae_that_was_beside_a_spread_model_comes_back_for_the_next_question(
    plain: Made, places: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(plain.workspace, SILENT)
    session.sae("sae", "auto")
    at_site = torch.device("cuda:7")  # not there: moves are only noted
    moves: list[torch.device] = []
    monkeypatch.setattr("engine.service.session.site_device", lambda lm, site: at_site)
    monkeypatch.setattr(SparseAutoencoder, "to", lambda self, device: moves.append(device))
    session.subject("sae", "auto", device_map=places)
    session.subject("sae", "auto")
    assert moves == [at_site, choose_device("auto")]


def test_the_environment_says_it_for_all_that_the_engine_loads(
    plain: Made, places: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAINSURG_DEVICE_MAP", places)
    session = Session(plain.workspace, SILENT)
    lm = session.any_model(plain.model)
    assert lm.places == "5 on cpu, 2 on the disk"
    assert session.model(plain.model, "auto") is lm
    assert session.subject("sae", "auto").lm.places == lm.places


@pytest.mark.skipif(find_spec("torchao") is None, reason="torchao isn't installed")
def test_weights_in_8_bits_are_in_every_record_and_are_kept_to(
    tiny_llama_path: Path, tmp_path: Path, plain: Made
) -> None:
    made = Made(tmp_path, tiny_llama_path, quantize="int8")
    assert read_manifest(made.workspace.activations("acts")).quantisation == "int8"
    assert read_metadata(made.workspace.sae("sae")).quantisation == "int8"
    assert Catalogue.open(made.workspace.catalogue("sae")).manifest.quantisation == "int8"
    notes = Noting()
    report = made.clamp(notes)
    assert (report.model_dtype, report.quantisation) == ("float32", "int8")
    assert report.checks.no_op
    assert report.checks.hf_identical
    words = shlex.split(report.reproduce)
    assert words[words.index("--quantize") + 1] == "int8"
    assert not notes.has("rounding")
    other = made.clamp(notes, quantize="none")
    assert other.quantisation == ""
    assert notes.has("sae is of the model in float32, from weights in int8, which runs in float32")
    assert shlex.split(other.reproduce)[-2:] == ["--quantize", "none"]
    assert "--quantize" not in plain.clamp(notes).reproduce
