"""Importing and exporting SAEs: what is kept, what is asked for, and what is refused at once."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors.torch import save_file

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
from tests.sae.formats.hub_folder import COMMIT, HubFolder

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


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubFolder:
    hub = HubFolder(tmp_path / "hub")
    hub.stand_in(monkeypatch)
    return hub


def gemma_scope(hub: HubFolder, inside: str) -> Path:
    folder = hub.repository("google/gemma-scope-2b-pt-res") / inside
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    shapes = {"W_enc": (D, N), "W_dec": (N, D), "b_enc": N, "b_dec": D, "threshold": N}
    np.savez(folder / "params.npz", **{name: rng.normal(size=s) for name, s in shapes.items()})
    return folder


@pytest.mark.parametrize(
    ("source", "published_as"),
    [
        ("google/gemma-scope-2b-pt-res:layer_20/width_16k/average_l0_71", ""),
        ("google/gemma-scope-2b-pt-res/layer_20/width_16k/average_l0_71@main", ""),
        (
            "gemma-scope-2b-pt-res-canonical/layer_20/width_16k/canonical",
            "gemma-scope-2b-pt-res-canonical/layer_20/width_16k/canonical",
        ),
    ],
)
def test_from_the_hub_the_commit_is_kept(
    workspace: Workspace, hub: HubFolder, source: str, published_as: str
) -> None:
    inside = "layer_20/width_16k/average_l0_71"
    gemma_scope(hub, inside)
    result = exchanged(ImportSAE(name="scope", source=source), workspace)
    assert (result.model, result.site) == ("google/gemma-2-2b", "resid_post.20")
    assert (result.arch, result.d_in, result.d_sae) == ("jumprelu", D, N)
    pinned = f"google/gemma-scope-2b-pt-res/{inside}@{COMMIT}"
    assert result.source == pinned
    about = read_sae_info(workspace.sae("scope")).metadata
    assert about.stated.figures == {"l0": 71}
    assert about.imported_from == f"gemma_scope: {pinned}"
    assert about.published_as == published_as
    again = ImportSAE(name="again", source=pinned)
    again.check(workspace)
    assert exchanged(again, workspace).source == pinned
    assert hub.revisions[-1] == COMMIT


def test_of_a_set_one_layer_is_imported(workspace: Workspace, hub: HubFolder) -> None:
    folder = hub.repository("lab/set")
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        "model_name: lab/llama\nfeature_input_hook: mlp.hook_in\n"
        "feature_output_hook: mlp.hook_out\nnew_field: 3\n"
    )
    shapes = {"W_enc": (N, D), "W_dec": (N, D), "b_enc": (N,), "b_dec": (D,)}
    save_file({name: torch.randn(s) for name, s in shapes.items()}, folder / "layer_4.safetensors")
    notes = Noting()
    result = exchanged(ImportSAE(name="coder", source="lab/set", layer=4, k=3), workspace, notes)
    assert (result.arch, result.k) == ("topk", 3)
    assert (result.site, result.target_site) == ("mlp_in.4", "mlp_out.4")
    assert notes.has("not known here and not followed: new_field 3.")
    assert read_sae_info(workspace.sae("coder")).metadata.unknown_fields == {"new_field": 3}


def write_model(folder: Path, *, hidden: int, layers: int) -> str:
    folder.mkdir()
    config = {
        "model_type": "llama",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
    }
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


@pytest.mark.parametrize(
    ("shape", "given", "said"),
    [
        ({"hidden": D, "layers": 20}, {}, r"reads resid_post\.20, and .* has layers 0 to 19"),
        (
            {"hidden": D + 2, "layers": 21},
            {},
            r"activations 6 wide, and those of .* at resid_post\.20 are 8 wide",
        ),
        (
            {"hidden": D, "layers": 21},
            {"site": "mlp_out.30"},
            r"reads mlp_out\.30, and .* has layers 0 to 20",
        ),
    ],
)
def test_an_sae_of_another_model_is_refused(
    workspace: Workspace, hub: HubFolder, shape: dict[str, int], given: dict[str, Any], said: str
) -> None:
    folder = gemma_scope(hub, "layer_20/width_16k/average_l0_71")
    model = write_model(hub.root / "model", **shape)
    spec = ImportSAE(name="new", source=str(folder), model=model, **given)
    with pytest.raises(UserError, match=said):
        exchanged(spec, workspace)
    assert workspace.names("saes") == ["mine"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "cfg.json").unlink(), r"cfg\.json"),
        (
            lambda folder: (folder / "sae_weights.safetensors").write_bytes(b"\0" * 40),
            "sae_weights.safetensors is damaged",
        ),
        (
            lambda folder: (folder / "sae_weights.safetensors").unlink(),
            r"no autoencoder|sae_weights",
        ),
    ],
)
def test_a_hub_folder_that_is_not_whole_leaves_nothing_behind(
    workspace: Workspace, hub: HubFolder, tmp_path: Path, damage: Any, said: str
) -> None:
    export(workspace, tmp_path / "out", "sae_lens")
    folder = hub.repository("lab/saes")
    folder.parent.mkdir(parents=True)
    (tmp_path / "out").rename(folder)
    damage(folder)
    with pytest.raises(UserError, match=said):
        exchanged(ImportSAE(name="new", source="lab/saes"), workspace)
    assert workspace.names("saes") == ["mine"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("Consistency check failed: file should be of size 9"), "was cut off"),
        (RepositoryNotFoundError("x", response=Mock()), "no repository lab/saes on the hub"),
        (GatedRepoError("x", response=Mock()), "lab/saes is gated"),
        (RevisionNotFoundError("x", response=Mock()), "lab/saes has no revision v9"),
        (LocalEntryNotFoundError("x"), "lab/saes@v9 is not on this machine"),
        (OfflineModeIsEnabled("x"), "lab/saes@v9 is not on this machine"),
    ],
)
def test_what_goes_wrong_on_the_way_is_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def download(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    with pytest.raises(UserError, match=said):
        exchanged(ImportSAE(name="new", source="lab/saes@v9"), workspace)
    assert workspace.names("saes") == ["mine"]


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
