"""`.pt` files are told apart by what is in them, and folders of runs by what lies below them."""

import json
from pathlib import Path

import pytest
import torch

from engine.errors import UserError
from engine.sae.formats import dictionary_learning
from engine.sae.formats.inference import at_inference
from engine.sae.formats.libraries import library, recognise
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.pickled_names import library_of
from tests.sae.formats.made import X, assert_same, made

ARCHITECTURES = ["topk", "batchtopk", "matryoshka", "jumprelu", "gated", "relu"]


def checkpoint(
    run: Path, architecture: str = "topk", step: int = 300, *, old: bool = False
) -> Path:
    """A checkpoint as dictionary_learning's trainer leaves it: its configuration is one folder
    up."""
    sae, folder = made(architecture), run / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    about = SAEMetadata(model="m", site="resid_post.2", trained_as=sae.config)
    library("dictionary_learning").write(at_inference(sae), run, about)
    state = torch.load(run / "ae.pt")
    (run / "ae.pt").unlink()
    path = folder / f"ae_{step}.pt"
    torch.save(state, path, _use_new_zipfile_serialization=not old)
    return path


def sparsify_run(run: Path) -> None:
    """What a run of sparsify's trainer leaves in its folder."""
    for folder in ("layers.2", "best/layers.10"):
        (run / folder).mkdir(parents=True)
        library("sparsify").write(made("topk"), run / folder, SAEMetadata())
    (run / "config.json").write_text(json.dumps({"hookpoints": ["layers.2"]}))
    torch.save({"global_step": 63}, run / "state.pt")
    torch.save({"num_tokens_since_fired": {"layers.2": torch.zeros(9)}}, run / "rank_0_state.pt")
    torch.save({"state": {0: {"z": torch.randn(20, 6)}}}, run / "optimizer_0.pt")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("format", [None, "dictionary_learning"])
@pytest.mark.parametrize("old", [False, True])
def test_a_trainers_checkpoint_is_read(
    run: Path, architecture: str, format: str | None, old: bool
) -> None:
    path = checkpoint(run, architecture, old=old)
    assert recognise(path, format) == ("dictionary_learning", path)
    sae, about = dictionary_learning.read(path)
    assert_same(sae, made(architecture).encode(X), made(architecture)(X))
    assert (about.model, about.site) == ("m", "resid_post.2")


def test_a_checkpoint_without_its_configuration_is_named_for_what_it_is(run: Path) -> None:
    path = checkpoint(run)
    (run / "config.json").unlink()
    with pytest.raises(UserError, match=r"no file .*config\.json.*dictionary_learning"):
        dictionary_learning.read(recognise(path, None)[1])


def test_checkpoints_in_a_folder_are_listed_where_there_are_several(run: Path) -> None:
    one = checkpoint(run, step=900)
    assert recognise(one.parent, None) == ("dictionary_learning", one)
    checkpoint(run, step=1000)
    with pytest.raises(UserError, match=r"several files of dictionary_learning: ae_900\.pt, ae_1"):
        recognise(one.parent, None)
    with pytest.raises(UserError, match=r"itself holds no .*: checkpoints/ae_900\.pt, .*Name one"):
        recognise(run, None)


def test_openais_is_known_whatever_it_is_called(run: Path) -> None:
    library("openai").write(made("relu"), run.parent, SAEMetadata())
    path = run.parent / "autoencoder.pt"
    assert library_of(path) == "openai"
    assert recognise(path, None) == ("openai", path)


def test_a_run_of_sparsify_names_the_folders_in_it(run: Path) -> None:
    sparsify_run(run)
    with pytest.raises(UserError, match=r"these in it do: layers\.2, best/layers\.10\. Name one"):
        recognise(run, None)
    with pytest.raises(UserError, match=r"state\.pt holds no autoencoder that is known"):
        recognise(run / "state.pt", None)
    assert recognise(run / "layers.2", None) == ("sparsify", run / "layers.2")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02}q", b"no pickle at all"])
def test_what_can_not_be_read_is_left_to_the_reader(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "6.pt"
    path.write_bytes(content)
    assert library_of(path) is None
    format, where = recognise(path, None)
    with pytest.raises(UserError, match=r"6\.pt (is damaged|was not opened)"):
        library(format).read(where)
