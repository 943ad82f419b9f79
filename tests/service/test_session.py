"""What is session once, what anew, and what an SAE without a past lacks."""

import shutil
from pathlib import Path

import msgspec
import pytest

from engine.errors import UserError
from engine.features.catalogue.catalogue import write_catalogue_manifest
from engine.progress import SILENT
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import save_sae
from engine.service.session import Session
from engine.workspace.folders import Workspace
from tests.features.dense_codes import catalogue_of, random_dense
from tests.features.written_tokens import token_table


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "ws")


def save(workspace: Workspace, name: str, metadata: SAEMetadata, width: int = 9) -> None:
    config = SAEConfig(architecture="relu", d_in=32, d_sae=width)
    save_sae(build(config), workspace.sae(name), metadata)


def test_the_last_model_and_sae_are_kept(workspace: Workspace, tiny_llama_path: Path) -> None:
    about = SAEMetadata(model=str(tiny_llama_path), site="resid_post.1")
    save(workspace, "one", about)
    save(workspace, "other", about)
    session = Session(workspace, SILENT)
    subject = session.subject("one", "cpu")
    assert (str(subject.site), subject.sae.config.d_sae) == ("resid_post.1", 9)
    assert session.subject("one", "cpu").sae is subject.sae
    session.load_sae_once("other", "cpu")
    assert session.subject("one", "cpu").sae is subject.sae
    assert session.subject("other", "cpu").lm is subject.lm
    assert session.subject("one", "cpu").sae is not subject.sae


def test_an_sae_that_was_replaced_is_session_anew(workspace: Workspace) -> None:
    save(workspace, "one", SAEMetadata())
    session = Session(workspace, SILENT)
    assert session.sae("one", "cpu")[0].config.d_sae == 9
    shutil.rmtree(workspace.sae("one"))
    save(workspace, "one", SAEMetadata(), width=11)
    assert session.sae("one", "cpu")[0].config.d_sae == 11


def test_an_sae_that_nobody_knows_the_place_of_can_not_be_tried(workspace: Workspace) -> None:
    save(workspace, "stray", SAEMetadata(site="resid_post.1"))
    with pytest.raises(UserError, match="stray does not say which model and site"):
        Session(workspace, SILENT).subject("stray", "cpu")


@pytest.mark.parametrize("site", ["resid_post.0", "resid_post.1"])
def test_a_set_of_another_site_is_not_encoded_as_the_scanned_one(
    workspace: Workspace, site: str
) -> None:
    save(workspace, "one", SAEMetadata())
    dense = random_dense(3, 2, 0.5)
    catalogue = catalogue_of(workspace.catalogue("one"), dense, [3])
    about = msgspec.structs.replace(catalogue.manifest, site=site)
    write_catalogue_manifest(catalogue.folder, about)
    table = token_table(workspace.activations("set"), [[1, 1, 1]], ["<s>", " dog"])
    session = Session(workspace, SILENT)
    if site == table.manifest.site:
        assert len(session.scanned_activations("one")) == 3
    else:
        with pytest.raises(UserError, match="not the one that was scanned"):
            session.scanned_activations("one")
