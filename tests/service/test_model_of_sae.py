"""An SAE that names its model as another library does is tried in the model it was scanned on."""

from pathlib import Path

import msgspec
import pytest

from engine.errors import UserError
from engine.features.catalogue.catalogue import write_catalogue_manifest
from engine.jobs.model_of_sae import models_and_site
from engine.progress import SILENT
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import save_sae
from engine.service import session as session_module
from engine.service.session import Session
from engine.workspace.folders import Workspace
from tests.features.dense_codes import catalogue_of, random_dense
from tests.service.runner import Runner

HERE = "/models/here"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "ws")


def scanned(workspace: Workspace, model: str = HERE, site: str = "resid_post.1") -> None:
    """A catalogue of the SAE `one`, from activations of a model."""
    catalogue = catalogue_of(workspace.catalogue("one"), random_dense(3, 2, 0.5), [3])
    about = msgspec.structs.replace(catalogue.manifest, model=model, site=site)
    write_catalogue_manifest(catalogue.folder, about)


@pytest.mark.parametrize(
    ("trained", "models"),
    [
        ("gpt2-small", (HERE, "gpt2-small")),
        ("tiny-stories-260k", (HERE, "tiny-stories-260k")),
        ("google/gemma-2-2b", ("google/gemma-2-2b", HERE)),
        ("/gone/model", ("/gone/model", HERE)),
        ("demo", ("demo", HERE)),
        (HERE, (HERE,)),
        ("", (HERE,)),
    ],
)
def test_which_models_are_tried_in_which_order(
    workspace: Workspace, trained: str, models: tuple[str, ...]
) -> None:
    scanned(workspace)
    found = models_and_site(workspace, "one", SAEMetadata(model=trained, site="resid_pre.0"))
    assert (found.models, found.site) == (models, "resid_pre.0")
    named = models_and_site(workspace, "one", SAEMetadata(model=trained), "other")
    assert (named.models, named.site) == (("other",), "resid_post.1")


def test_without_a_scan_it_is_tried_in_what_it_names(workspace: Workspace) -> None:
    about = SAEMetadata(model="gpt2-small", site="resid_post.1")
    assert models_and_site(workspace, "one", about).models == ("gpt2-small",)
    for lacking in (SAEMetadata(model="m"), SAEMetadata(site="resid_post.1"), SAEMetadata()):
        with pytest.raises(UserError, match="one does not say which model and site"):
            models_and_site(workspace, "one", lacking)


def test_the_model_of_the_scan_serves_and_stays(
    workspace: Workspace, tiny_llama_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SAEConfig(architecture="relu", d_in=32, d_sae=3)
    about = SAEMetadata(model="lab/of-another-name", site="resid_post.1")
    save_sae(build(config), workspace.sae("one"), about)
    scanned(workspace, model=str(tiny_llama_path))
    asked: list[str] = []
    load = session_module.load_model

    def load_model(source: str, **options: str) -> object:
        asked.append(source)
        if source.startswith("lab/"):
            raise UserError(f"{source} is not on this machine.", "Load it once.")
        return load(source, **options)

    monkeypatch.setattr(session_module, "load_model", load_model)
    session = Session(workspace, SILENT)
    lm = session.subject("one", "cpu").lm
    assert lm.source == str(tiny_llama_path)
    assert session.subject("one", "cpu").lm is lm
    assert asked == ["lab/of-another-name", str(tiny_llama_path)]
    with pytest.raises(UserError, match=r"lab/x is not on .*Load it once\..*--model"):
        session.subject("one", "cpu", "lab/x")


def test_it_is_clamped_searched_and_compared_from_the_command_line(
    brainsurg: Runner, tiny_llama_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    config = SAEConfig(architecture="relu", d_in=32, d_sae=12)
    about = SAEMetadata(model="tiny-llama-of-another-name", site="resid_post.1")
    save_sae(build(config), tmp_path / "sae", about)
    (tmp_path / "texts.txt").write_text("\n\n".join(f"Once there was a dog {i}." for i in range(9)))
    place = ("--model", tiny_llama_path, "--site", "resid_post.1")
    brainsurg.json("capture", "acts", *place, "--text", tmp_path / "texts.txt")
    brainsurg.json("import-sae", "tl", tmp_path / "sae")
    find = ("find", "tl", "--prompt", "Once", "--ablate", 2)
    assert "--model" in brainsurg.fails(*find)
    assert brainsurg.json(*find, "--model", tiny_llama_path)["features"]
    contrast = ("contrast", "tl", "--a", "Once", "--b", "a dog", "--model", tiny_llama_path)
    assert brainsurg.json(*contrast)["features"]
    brainsurg.json("scan", "tl", "--activations", "acts")
    clamp = ("clamp", "tl", "--feature", 0, "--prompt", "Once", "--nulls", 2, "--generate", 2)
    report = brainsurg.json(*clamp)
    assert "--model" not in report["reproduce"].split()
    named = brainsurg.json(*clamp, "--model", tiny_llama_path)
    assert named["prompts"] == report["prompts"]
    assert f"--model {tiny_llama_path} --model-dtype float32" in named["reproduce"]
