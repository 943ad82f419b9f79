"""Importing and exporting SAEs: what is kept, what is asked for, and what is refused at once."""

import json
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub.errors import EntryNotFoundError

from engine.errors import UserError
from engine.jobs.kinds import ExchangedSAE, ExportSAE, ImportSAE
from engine.jobs.run import run
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.info import read_sae_info
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import load_sae, save_sae
from engine.workspace.folders import Workspace
from tests.noting import Noting

D, N, K = 6, 20, 4
ABOUT = SAEMetadata(model="m", site="resid_post.3", activations="set", context=64)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """With a BatchTopK in it."""
    workspace = Workspace.open(tmp_path / "ws")
    config = SAEConfig(architecture="batchtopk", d_in=D, d_sae=N, k=K)
    sae = build(config).requires_grad_(False)
    sae.threshold.fill_(0.3)
    save_sae(sae, workspace.sae("mine"), ABOUT)
    return workspace


def exchanged(
    spec: ImportSAE | ExportSAE, workspace: Workspace, notes: Noting | None = None
) -> Any:
    result = run(spec, workspace, notes or Noting())
    assert isinstance(result, ExchangedSAE)
    return result


def export(workspace: Workspace, folder: Path, format: str) -> None:
    exchanged(ExportSAE(name="mine", folder=str(folder), format=format), workspace)


@pytest.mark.parametrize("format", ["sae_lens", "dictionary_learning"])
def test_what_is_exported_and_imported_is_the_same(
    workspace: Workspace, tmp_path: Path, format: str
) -> None:
    export(workspace, tmp_path / "out", format)
    notes = Noting()
    result = exchanged(ImportSAE(name="back", source=str(tmp_path / "out")), workspace, notes)
    assert result == ExchangedSAE(
        name="back",
        arch="batchtopk",
        d_in=D,
        d_sae=N,
        k=K,
        model="m",
        site="resid_post.3",
        format=format,
    )
    assert notes.notes == []
    x = torch.randn(50, D)
    (mine, _), (back, about) = load_sae(workspace.sae("mine")), load_sae(workspace.sae("back"))
    torch.testing.assert_close(back(x), mine(x))
    assert about.imported_from == f"{format}: {tmp_path / 'out'}"
    assert (about.activations, about.context) == ("", 64)
    info = read_sae_info(workspace.sae("back"))
    assert (info.architecture, info.k) == ("batchtopk", K)


def test_what_the_files_do_not_tell_is_asked_for_and_can_be_given(
    workspace: Workspace, tmp_path: Path
) -> None:
    export(workspace, tmp_path / "out", "gemma_scope")
    notes = Noting()
    silent = ImportSAE(name="silent", source=str(tmp_path / "out"))
    assert exchanged(silent, workspace, notes).arch == "jumprelu"
    assert "--model" in notes.notes[0]
    assert "--site" in notes.notes[0]
    given = ImportSAE(name="told", source=str(tmp_path / "out"), model="other", site="mlp_out.2")
    result = exchanged(given, workspace, notes)
    assert (result.model, result.site) == ("other", "mlp_out.2")
    assert len(notes.notes) == 1


def test_what_an_sae_is_to_be_given_is_named_kept_and_told_again(
    workspace: Workspace, tmp_path: Path
) -> None:
    export(workspace, tmp_path / "out", "sae_lens")
    cfg = json.loads((tmp_path / "out" / "cfg.json").read_text())
    asked = {"prepend_bos": False, "seqpos_slice": [1, 9], "exclude_special_tokens": [0]}
    cfg["metadata"] |= asked
    (tmp_path / "out" / "cfg.json").write_text(json.dumps(cfg))
    notes = Noting()
    exchanged(ImportSAE(name="back", source=str(tmp_path / "out")), workspace, notes)
    (note,) = notes.notes
    assert "prepend_bos false, seqpos_slice [1,9], exclude_special_tokens [0]" in note
    exchanged(ExportSAE(name="back", folder=str(tmp_path / "again"), format="sae_lens"), workspace)
    again = json.loads((tmp_path / "again" / "cfg.json").read_text())
    assert again["metadata"] == cfg["metadata"]


def test_what_its_publisher_states_of_it_is_kept(workspace: Workspace, tmp_path: Path) -> None:
    export(workspace, tmp_path / "out", "dictionary_learning")
    file = tmp_path / "out" / "eval_results.json"
    file.write_text('{"l0": 31.5, "frac_recovered": 0.98}')
    exchanged(ImportSAE(name="back", source=str(tmp_path / "out")), workspace)
    stated = read_sae_info(workspace.sae("back")).metadata.stated
    assert (stated.figures, stated.where) == ({"l0": 31.5, "ce_score": 0.98}, file.name)
    file.write_text("no JSON")
    notes = Noting()
    exchanged(ImportSAE(name="again", source=str(tmp_path / "out")), workspace, notes)
    assert [note for note in notes.notes if "eval_results.json" in note]
    assert read_sae_info(workspace.sae("again")).metadata.stated.figures == {}


def test_from_the_hub(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = Path("layer_20/width_16k/average_l0_71")
    folder = tmp_path / "google--gemma-scope-2b-pt-res" / inside
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    shapes = {"W_enc": (D, N), "W_dec": (N, D), "b_enc": N, "b_dec": D, "threshold": N}
    np.savez(folder / "params.npz", **{name: rng.normal(size=s) for name, s in shapes.items()})

    def download(repository: str, file: str, *, local_files_only: bool) -> str:
        path = tmp_path / repository.replace("/", "--") / file
        if not path.exists():
            raise EntryNotFoundError(file)
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    spec = ImportSAE(name="scope", source=f"google/gemma-scope-2b-pt-res:{inside}")
    result = exchanged(spec, workspace)
    assert (result.model, result.site) == ("google/gemma-2-2b", "resid_post.20")
    assert (result.arch, result.d_in, result.d_sae) == ("jumprelu", D, N)


def test_a_job_knows_what_it_reads_and_makes(workspace: Workspace, tmp_path: Path) -> None:
    importing = ImportSAE(name="new", source="lab/saes")
    assert (importing.reads(workspace), importing.makes(workspace)) == (
        set(),
        {workspace.sae("new")},
    )
    exporting = ExportSAE(name="mine", folder=str(tmp_path / "x"), format="sae_lens")
    assert exporting.reads(workspace) == {workspace.sae("mine")}
    assert exporting.makes(workspace) == {tmp_path / "x"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (ImportSAE(name="mine", source="lab/saes"), "already there"),
        (ImportSAE(name="a/b", source="lab/saes"), "can't be a name"),
        (ImportSAE(name="new", source="nowhere"), "neither a file or folder here"),
        (ImportSAE(name="new", source="/nowhere"), "no file or folder /nowhere"),
        (ImportSAE(name="new", source="lab/saes", format="pickle"), "no format 'pickle'"),
        (ImportSAE(name="new", source="lab/saes", site="blocks.3"), "names no place"),
        (ExportSAE(name="none", folder="/x", format="sae_lens"), "no SAE 'none'"),
        (ExportSAE(name="mine", folder="/tmp", format="sae_lens"), "already there"),
        (ExportSAE(name="mine", folder="/x", format="pickle"), "no format 'pickle'"),
        (ExportSAE(name="mine", folder="/x", format="sparsify"), "topk alone"),
    ],
)
def test_what_cannot_succeed_is_refused_before_it_is_queued(
    workspace: Workspace, spec: ImportSAE | ExportSAE, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        spec.check(workspace)


def test_what_is_wrong_inside_leaves_nothing_behind(workspace: Workspace, tmp_path: Path) -> None:
    export(workspace, tmp_path / "out", "dictionary_learning")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    config["trainer"]["k"] = K + 1
    (tmp_path / "out" / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"trainer\.k is 5"):
        exchanged(ImportSAE(name="new", source=str(tmp_path / "out")), workspace)
    assert workspace.names("saes") == ["mine"]
