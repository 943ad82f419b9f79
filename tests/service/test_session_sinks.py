"""What a session knows of sinks at an SAE's site, also where all was made by an older version."""

from pathlib import Path

import msgspec
import pytest
import torch

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import Manifest
from engine.activations.store.writer import ActivationWriter
from engine.features.catalogue.catalogue import Catalogue, write_catalogue_manifest
from engine.features.scan.scan import scan
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import save_metadata, save_sae
from engine.service.session import Session
from engine.workspace.folders import Workspace
from tests.activations.test_row_kinds import as_older_version_wrote
from tests.noting import Noting

SITE = "resid_post.1"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A set with two sinks, and an SAE that was trained and scanned on it, by an older version."""
    workspace = Workspace.open(tmp_path / "ws")
    about = Manifest(model="m", site=SITE, d_model=4, dtype="float32")
    with ActivationWriter(workspace.activations("set"), about, ["a"]) as writer:
        for _ in range(2):
            acts = torch.randn(20, 4)
            acts[0] = 900
            writer.add(acts, torch.zeros(20, dtype=torch.int64), text="a")
    sae = build(SAEConfig(architecture="relu", d_in=4, d_sae=6)).requires_grad_(False)
    save_sae(sae, workspace.sae("s"), SAEMetadata(model="m", site=SITE, activations="set"))
    acts = ActivationSet.open(workspace.activations("set"))
    scan(sae, acts, workspace.catalogue("s"), choice="behind_start")
    change_catalogue(workspace, row_summary=None)
    as_older_version_wrote(workspace.activations("set"))
    return workspace


def change_catalogue(workspace: Workspace, **changes: object) -> None:
    folder = workspace.catalogue("s")
    manifest = Catalogue.open(folder).manifest
    write_catalogue_manifest(folder, msgspec.structs.replace(manifest, **changes))


def test_a_set_of_an_older_version_is_measured_and_its_catalogue_doubted(
    workspace: Workspace,
) -> None:
    notes = Noting()
    rule = Session(workspace, notes).sink_rule("s", "cpu")
    rows = ActivationSet.open(workspace.activations("set")).measure_rows().summary
    assert rule == rows.rule
    assert rows.counts.sink == 2
    assert notes.has("took 2 attention sinks for text")


def test_what_a_catalogue_or_else_the_training_knows_is_taken(workspace: Workspace) -> None:
    rows = ActivationSet.open(workspace.activations("set")).measure_rows().summary
    assert rows.rule is not None
    other = msgspec.structs.replace(rows, rule=msgspec.structs.replace(rows.rule, max_norm=7.0))
    notes = Noting()
    save_metadata(
        workspace.sae("s"),
        SAEMetadata(model="m", site=SITE, activations="set", row_summary=other),
    )
    assert Session(workspace, notes).sink_rule("s", "cpu") == other.rule
    change_catalogue(workspace, row_summary=rows)
    assert Session(workspace, notes).sink_rule("s", "cpu") == rows.rule
    assert not notes.notes


def test_a_set_of_another_site_says_nothing(workspace: Workspace) -> None:
    save_metadata(
        workspace.sae("s"), SAEMetadata(model="m", site="resid_post.2", activations="set")
    )
    assert Session(workspace, Noting()).sink_rule("s", "cpu") is None
