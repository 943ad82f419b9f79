"""Files as SAELens 2 to 5 saved them, against their formulas written again."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import UserError
from engine.sae.formats import sae_lens
from engine.sae.formats.libraries import recognise
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import load_sae, save_sae
from tests.sae.formats.made import D, K, N, X, assert_same, drawn, jump, top_k

OLDEST = {
    "d_in": D,
    "d_sae": N,
    "dtype": "float32",
    "device": "cpu",
    "model_name": "gpt2-small",
    "hook_point": "blocks.2.hook_resid_pre",
    "hook_point_layer": 2,
    "hook_point_head_index": None,
    "activation_fn": "relu",
    "normalize_activations": False,
    "context_size": 128,
}
THREE = {
    "d_in": D,
    "d_sae": N,
    "dtype": "float32",
    "device": "cpu",
    "model_name": "gpt2-small",
    "hook_name": "blocks.2.hook_resid_pre",
    "hook_layer": 2,
    "hook_head_index": None,
    "activation_fn_str": "relu",
    "apply_b_dec_to_input": True,
    "finetuning_scaling_factor": False,
    "sae_lens_training_version": "3.0.0",
    "prepend_bos": True,
    "context_size": 128,
    "normalize_activations": "none",
}
FIVE = THREE | {
    "architecture": "standard",
    "activation_fn_kwargs": {},
    "sae_lens_training_version": "5.11.0",
    "neuronpedia_id": None,
    "model_from_pretrained_kwargs": {},
    "seqpos_slice": [None],
}
TOPK = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}}


def saved(folder: Path, cfg: dict[str, Any], w: dict[str, Tensor]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps(cfg))
    save_file(w, folder / "sae_weights.safetensors")
    return folder


def linear(**more: tuple[int, ...]) -> dict[str, Tensor]:
    return drawn(**{"W_enc": (D, N), "W_dec": (N, D), "b_enc": (N,), "b_dec": (D,)} | more)


def pre(w: dict[str, Tensor], x: Tensor = X, centre: float = 1) -> Tensor:
    return (x - centre * w["b_dec"]) @ w["W_enc"] + w["b_enc"]


TWO = OLDEST | {"sae_lens_version": "2.1.3"}
"""Which told its version where no later one has it."""


@pytest.mark.parametrize("cfg", [OLDEST, TWO, THREE, FIVE])
def test_standard(tmp_path: Path, cfg: dict[str, Any]) -> None:
    w = linear()
    sae, about = sae_lens.read(saved(tmp_path, cfg, w))
    acts = pre(w).relu()
    assert_same(sae, acts, acts @ w["W_dec"] + w["b_dec"])
    assert (about.model, about.site, about.context) == ("gpt2-small", "resid_pre.2", 128)
    assert recognise(tmp_path, None) == ("sae_lens", tmp_path)


def test_what_enters_an_attentions_output_is_read_with_its_heads_side_by_side(
    tmp_path: Path,
) -> None:
    w = linear()
    cfg = THREE | {"hook_name": "blocks.2.attn.hook_z"}
    sae, about = sae_lens.read(saved(tmp_path, cfg, w))
    acts = pre(w).relu()
    assert_same(sae, acts, acts @ w["W_dec"] + w["b_dec"])
    assert about.site == "attn_z.2"
    (tmp_path / "out").mkdir()
    sae_lens.write(sae, tmp_path / "out", about)
    assert (
        json.loads((tmp_path / "out" / "cfg.json").read_text())["reshape_activations"] == "hook_z"
    )
    assert sae_lens.read(tmp_path / "out")[1].site == "attn_z.2"


@pytest.mark.parametrize("cfg", [THREE | TOPK, FIVE | TOPK, FIVE | TOPK | {"architecture": "topk"}])
def test_topk_under_either_name(tmp_path: Path, cfg: dict[str, Any]) -> None:
    w = linear()
    sae, _ = sae_lens.read(saved(tmp_path, cfg, w))
    acts = top_k(pre(w))
    assert_same(sae, acts, acts @ w["W_dec"] + w["b_dec"])
    assert (sae.config.architecture, sae.config.k) == ("topk", K)


@pytest.mark.parametrize("centres", [True, False])
def test_jumprelu(tmp_path: Path, centres: bool) -> None:
    w = linear(threshold=(N,))
    cfg = FIVE | {"architecture": "jumprelu", "apply_b_dec_to_input": centres}
    sae, _ = sae_lens.read(saved(tmp_path, cfg, w))
    acts = jump(pre(w, centre=float(centres)), w["threshold"])
    assert_same(sae, acts, acts @ w["W_dec"] + w["b_dec"])


def test_gated(tmp_path: Path) -> None:
    w = linear(b_gate=(N,), b_mag=(N,), r_mag=(N,))
    del w["b_enc"]
    sae, _ = sae_lens.read(saved(tmp_path, FIVE | {"architecture": "gated"}, w))
    products = (X - w["b_dec"]) @ w["W_enc"]
    magnitude = (products * w["r_mag"].exp() + w["b_mag"]).relu()
    acts = magnitude * (products + w["b_gate"] > 0)
    assert_same(sae, acts, acts @ w["W_dec"] + w["b_dec"])


def test_layer_norm(tmp_path: Path) -> None:
    w = linear()
    cfg = FIVE | TOPK | {"normalize_activations": "layer_norm"}
    sae, _ = sae_lens.read(saved(tmp_path, cfg, w))
    mean, deviation = X.mean(1, keepdim=True), X.std(1, keepdim=True)
    acts = top_k(pre(w, (X - mean) / (deviation + 1e-5)))
    assert_same(sae, acts, (acts @ w["W_dec"] + w["b_dec"]) * deviation + mean)


@pytest.mark.parametrize("name", ["finetuning_scaling_factor", "scaling_factor"])
@pytest.mark.parametrize("cfg", [THREE, FIVE, FIVE | TOPK])
def test_what_was_finetuned_has_its_acts_in_the_librarys_units(
    tmp_path: Path, cfg: dict[str, Any], name: str
) -> None:
    """Acts are without the factor, what is decoded of them is with it; saved again, too."""
    w = linear()
    factor = drawn(factor=(N,))["factor"].abs() + 0.5
    cfg = cfg | {"finetuning_scaling_factor": True}
    sae, about = sae_lens.read(saved(tmp_path, cfg, w | {name: factor}))
    acts = top_k(pre(w)) if "k" in cfg.get("activation_fn_kwargs", {}) else pre(w).relu()
    decoded = (acts * factor) @ w["W_dec"] + w["b_dec"]
    assert_same(sae, acts, decoded)
    save_sae(sae, tmp_path / "ours", about)
    assert_same(load_sae(tmp_path / "ours")[0], acts, decoded)


def test_a_factor_of_ones_that_is_not_to_be_used_is_left_out(tmp_path: Path) -> None:
    w = linear()
    sae, _ = sae_lens.read(saved(tmp_path, THREE, w | {"scaling_factor": torch.ones(N)}))
    assert_same(sae, pre(w).relu(), pre(w).relu() @ w["W_dec"] + w["b_dec"])
    saved(tmp_path, THREE, w | {"scaling_factor": torch.full((N,), 2.0)})
    with pytest.raises(UserError, match=r"scaling_factor, and .* is false"):
        sae_lens.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"activation_fn_str": "tanh-relu"}, "'tanh-relu'"),
        ({"activation_fn_str": "topk", "activation_fn_kwargs": {"k": K, "by": 1}}, "'by'"),
        ({"activation_fn_str": "topk", "activation_fn_kwargs": 5}, "'topk'"),
        (TOPK | {"architecture": "gated"}, "'gated'"),
        ({"architecture": "transcoder"}, "'transcoder'"),
        ({"normalize_activations": "expected_average_only_in"}, "expected_average_only_in"),
        ({"normalize_activations": True}, "expected_average_only_in"),
        ({"normalize_activations": "constant_norm_rescale"}, "constant_norm_rescale"),
        ({"reshape_activations": "hook_q"}, "reshape_activations is 'hook_q'"),
    ],
)
def test_what_can_not_be_followed_is_refused_with_the_version(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said) as refused:
        sae_lens.read(saved(tmp_path, FIVE | change, linear()))
    assert "SAELens 5.11.0" in str(refused.value)
    assert str(tmp_path) in str(refused.value)


def test_what_its_file_tells_beside_is_kept_in_files_of_ours(tmp_path: Path) -> None:
    cfg = FIVE | {"seqpos_slice": [8, None], "model_from_pretrained_kwargs": {"fold_ln": False}}
    sae, about = sae_lens.read(saved(tmp_path, cfg, linear()))
    sae_lens.write(sae, tmp_path, about)
    metadata = json.loads((tmp_path / "cfg.json").read_text())["metadata"]
    for name in ("seqpos_slice", "model_from_pretrained_kwargs", "prepend_bos", "model_name"):
        assert metadata[name] == cfg[name]
    assert metadata["hook_name"] == "blocks.2.hook_resid_pre"
    assert metadata["sae_lens_version"].startswith("6.")
    assert sae_lens.read(tmp_path)[1] == about


# A checkpoint of SAELens 6 ---------------------------------------------------------------------


@pytest.mark.parametrize("centres", [True, False])
def test_a_checkpoint_on_scaled_activations_has_the_scale_folded_in(
    tmp_path: Path, centres: bool
) -> None:
    """As `fold_activation_norm_scaling_factor` folds it: the acts are those it has in training."""
    w = linear(threshold=(N,))
    cfg = {
        "architecture": "jumprelu",
        "d_in": D,
        "d_sae": N,
        "apply_b_dec_to_input": centres,
        "normalize_activations": "expected_average_only_in",
        "metadata": {"sae_lens_version": "6.54.12"},
    }
    saved(tmp_path, cfg, w)
    scaler = {"scaling_factor": 0.25, "has_whitening": False}
    (tmp_path / "activation_scaler.json").write_text(json.dumps(scaler))
    sae, about = sae_lens.read(tmp_path)
    acts = jump(pre(w, X * 0.25, float(centres)), w["threshold"])
    assert_same(sae, acts, (acts @ w["W_dec"] + w["b_dec"]) / 0.25)
    assert about == SAEMetadata()
    for wrong in ({"has_whitening": True, "scaling_factor": 1.0}, {"scaling_factor": None}):
        (tmp_path / "activation_scaler.json").write_text(json.dumps(wrong))
        with pytest.raises(UserError, match="can't be followed"):
            sae_lens.read(tmp_path)


def test_a_field_that_no_version_had_is_named(tmp_path: Path) -> None:
    known = sae_lens.read(saved(tmp_path / "a", FIVE, linear()))[1]
    assert known.unknown_fields == {}
    told = FIVE | {"whitens": True}
    assert sae_lens.read(saved(tmp_path / "b", told, linear()))[1].unknown_fields == {
        "whitens": True
    }
