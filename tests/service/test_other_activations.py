"""An SAE is joined with no activations of another site, whatever the job or question."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.activations.capture.documents import capture_documents
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue, write_catalogue_manifest
from engine.jobs.kinds import Evaluate, ExportFeatures, JobSpec, Scan
from engine.jobs.run import run
from engine.model.load import load_model
from engine.model.site import parse_site
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import save_metadata, save_sae
from engine.service import protocol as p
from engine.service.session import Session
from engine.service.worker_handlers.registry import answer
from engine.workspace.folders import Workspace
from tests.noting import Noting

SITES = ("resid_pre.1", "mlp_out.1")
REFUSAL = r"s reads resid_pre\.1, and {} was captured at mlp_out\.1"


@pytest.fixture(scope="module")
def workspace(tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Sets of two sites, a copy of one that says of neither model nor site, and an SAE."""
    workspace = Workspace.open(tmp_path_factory.mktemp("joined") / "ws")
    lm = load_model(str(tiny_llama_path), dtype="float32", device="cpu")
    texts = [f"Once there was a dog called {i}." for i in range(9)]
    for names in (("own", "other"), ("bare", "unused")):
        folders = [workspace.activations(name) for name in names]
        capture_documents(lm, texts, [parse_site(site) for site in SITES], folders, origin="texts")
    edit(workspace.activations("bare") / "manifest.json", {"model": "", "site": ""})
    sae = build(SAEConfig(architecture="topk", d_in=32, d_sae=16, k=2)).requires_grad_(False)
    save_sae(sae, workspace.sae("s"), SAEMetadata(model=lm.source, site=SITES[0]))
    run(Scan(sae="s", activations="own", device="cpu"), workspace, Noting())
    return workspace


def edit(path: Path, changes: Mapping[str, Any]) -> None:
    path.write_bytes(msgspec.json.encode(msgspec.json.decode(path.read_bytes()) | dict(changes)))


@pytest.mark.parametrize("kind", [Scan, Evaluate])
def test_a_set_of_another_site_is_refused(
    workspace: Workspace, kind: type[Scan] | type[Evaluate]
) -> None:
    with pytest.raises(UserError, match=REFUSAL.format("other")):
        kind(sae="s", activations="other").check(workspace)


@pytest.mark.parametrize(
    "spec",
    [
        Scan(sae="s", activations="bare", device="cpu"),
        Evaluate(sae="s", activations="bare", device="cpu"),
    ],
)
def test_a_set_that_does_not_say_where_it_is_from_is_allowed_with_a_note(
    workspace: Workspace, spec: JobSpec
) -> None:
    heard = Noting()
    run(spec, workspace, heard)
    (note,) = [note for note in heard.notes if "which site it is of" in note]
    assert note.startswith("bare does not say which model and which site it is of. s reads ")
    run(Scan(sae="s", activations="own", device="cpu"), workspace, Noting())


def test_a_catalogue_of_another_site_lends_no_figures(workspace: Workspace, tmp_path: Path) -> None:
    catalogue = Catalogue.open(workspace.catalogue("s"))
    other = replace(catalogue.manifest, site=SITES[1], activations="other")
    write_catalogue_manifest(catalogue.folder, other)  # as earlier versions let it be scanned
    request = p.ClampRequest(
        sae="s", edits=[p.FeatureEdit(feature=3)], prompts=["Once"], nulls=0, generate=0
    )
    session = Session(workspace, Noting())
    refused = REFUSAL.format("other")
    try:
        for question in (
            p.Clamp(request=request, device="cpu"),
            p.GetDocument(sae="s", feature=3, document=0, device="cpu"),
        ):
            with pytest.raises(UserError, match=refused):
                answer(question, session)
        with pytest.raises(UserError, match=refused):
            ExportFeatures(sae="s", folder=str(tmp_path / "out")).check(workspace)
    finally:
        write_catalogue_manifest(catalogue.folder, catalogue.manifest)
    assert answer(p.Clamp(request=request, device="cpu"), session).prompts


def test_a_model_that_neither_the_sae_nor_its_scan_names_is_told_of(
    workspace: Workspace, tiny_llama_path: Path
) -> None:
    catalogue = Catalogue.open(workspace.catalogue("s"))
    write_catalogue_manifest(catalogue.folder, replace(catalogue.manifest, model="lab/another"))
    save_metadata(workspace.sae("s"), SAEMetadata(model="lab/another", site=SITES[0]))
    prompt = p.TextSource(text="Once")
    model = str(tiny_llama_path)
    for question in (
        p.FindFiring(sae="s", prompt="Once", ablate=0, model=model, device="cpu"),
        p.FindContrast(sae="s", a=prompt, b=prompt, model=model, device="cpu"),
    ):
        heard = Noting()
        answer(question, Session(workspace, heard))
        (note,) = [note for note in heard.notes if "lab/another" in note]
        assert f"it is tried in {tiny_llama_path}" in note
