"""Files of OpenMOSS's Language-Model-SAEs, of three ages, against what the library computes."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import UserError
from engine.sae.formats.libraries import read_sae, recognise
from engine.sae.formats.metadata import SAEMetadata
from tests.sae.formats.made import D, K, N, X, assert_same, drawn, jump, top_k


def read(path: Path, format: str, **stated: Any) -> tuple[Any, SAEMetadata]:
    known, where = recognise(path, None)
    assert known == format
    return read_sae(known, where, **stated)


FIRST = {
    "d_model": D,
    "d_sae": N,
    "hook_point_in": "blocks.8.hook_resid_post",
    "hook_point_out": "blocks.8.hook_resid_post",
    "act_fn": "jumprelu",
    "jump_relu_threshold": 0.2,
    "top_k": 50,
    "norm_activation": "dataset-wise",
    "dataset_average_activation_norm": {"in": 1.7, "out": 1.7},
    "use_decoder_bias": True,
    "apply_decoder_bias_to_pre_encoder": False,
    "sparsity_include_decoder_norm": True,
    "use_glu_encoder": False,
    "init_decoder_norm": 0.5,
    "tp_size": 1,
}
OLD = {
    "encoder.weight": (N, D),
    "encoder.bias": (N,),
    "decoder.weight": (D, N),
    "decoder.bias": (D,),
}
NEW = {"W_E": (D, N), "b_E": (N,), "W_D": (N, D), "b_D": (D,)}


def first(folder: Path, w: dict[str, Tensor], **changes: Any) -> Path:
    """A folder of Llama Scope."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "hyperparams.json").write_text(json.dumps(FIRST | changes))
    save_file(w, folder / "checkpoints" / "final.safetensors")
    return folder


def later(folder: Path, w: dict[str, Tensor], **changes: Any) -> Path:
    """A folder of its successors."""
    folder.mkdir(parents=True)
    config = {name: value for name, value in FIRST.items() if name in changes or name in LATER}
    (folder / "config.json").write_text(json.dumps(config | changes))
    save_file(w, folder / "sae_weights.safetensors")
    return folder


LATER = ("d_model", "hook_point_in", "hook_point_out", "act_fn", "norm_activation")


def inference_mode(
    w: dict[str, Tensor], into: float, out: float, threshold: float
) -> tuple[Tensor, Tensor]:
    """What the library makes of X once it has put the norms into the weights, and given every
    feature a written length of 1 (its `standardize_parameters_of_dataset_norm` and
    `transform_to_unit_decoder_norm`): acts and decoded."""
    encoder, bias = w["encoder.weight"], w["encoder.bias"] / into
    decoder = w["decoder.weight"] * into / out
    lengths = decoder.norm(dim=0)
    acts = jump(X @ (encoder * lengths[:, None]).T + bias * lengths, torch.tensor(threshold))
    return acts, acts @ (decoder / lengths).T + w["decoder.bias"] / out


@pytest.mark.parametrize("transcodes", [True, False])
def test_llama_scope_is_what_its_library_computes(tmp_path: Path, transcodes: bool) -> None:
    w = drawn(**OLD)
    changes: dict[str, Any] = {"dataset_average_activation_norm": {"in": 1.7, "out": 1.7}}
    norms = (1.7, 0.6) if transcodes else (1.7, 1.7)
    if transcodes:
        changes = {
            "dataset_average_activation_norm": {"in": 1.7, "out": 0.6},
            "hook_point_in": "blocks.8.ln2.hook_normalized",
            "hook_point_out": "blocks.8.hook_mlp_out",
        }
    folder = first(tmp_path / "Llama3_1-8B-Base-L8R-8x", w, **changes)
    sae, about = read(folder, "llama_scope")
    into, out = (math.sqrt(D) / norm for norm in norms)
    acts, decoded = inference_mode(w, into, out, 0.2)
    assert_same(sae, acts * out, decoded)
    site = "mlp_in_unscaled.8" if transcodes else "resid_post.8"
    assert about == SAEMetadata(
        model="meta-llama/Llama-3.1-8B", site=site, target_site="mlp_out.8" if transcodes else ""
    )


@pytest.mark.parametrize("included", [True, False])
def test_its_r1_distill_has_thresholds_of_scaled_activations(
    tmp_path: Path, included: bool
) -> None:
    w = drawn(**OLD, log_jumprelu_threshold=(N,))
    hook = FIRST["hook_point_in"]
    w[f"dataset_average_activation_norm.{hook}"] = torch.tensor(2.5)
    folder = later(
        tmp_path / "Llama-Scope-R1-Distill" / "L8R",
        w,
        expansion_factor=N / D,
        sparsity_include_decoder_norm=included,
    )
    sae, about = read(folder, "llama_scope")
    scale = math.sqrt(D) / 2.5
    pre = scale * X @ w["encoder.weight"].T + w["encoder.bias"]
    lengths = w["decoder.weight"].norm(dim=0) if included else torch.ones(N)
    acts = jump(pre * lengths, w["log_jumprelu_threshold"].exp())
    decoded = (acts @ (w["decoder.weight"] / lengths).T + w["decoder.bias"]) / scale
    assert_same(sae, acts, decoded)
    model = "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"
    assert about == SAEMetadata(model=model, site="resid_post.8")


@pytest.mark.parametrize("act_fn", ["relu", "topk", "jumprelu"])
def test_llamascopium_2(tmp_path: Path, act_fn: str) -> None:
    w = drawn(**NEW, **{"activation_function.log_jumprelu_threshold": (N,)})
    if act_fn != "jumprelu":
        del w["activation_function.log_jumprelu_threshold"]
    folder = later(
        tmp_path / "sae",
        w,
        act_fn=act_fn,
        top_k=K,
        expansion_factor=N / D,
        norm_activation="inference",
        hook_point_out="blocks.9.hook_mlp_out",
        dtype="torch.float32",
    )
    sae, about = read(folder, "llama_scope")
    lengths = w["W_D"].norm(dim=1)
    pre = (X @ w["W_E"] + w["b_E"]) * lengths
    match act_fn:
        case "relu":
            acts = pre.relu()
        case "topk":
            acts = top_k(pre)
        case _:
            acts = jump(pre, w["activation_function.log_jumprelu_threshold"].exp())
    assert_same(sae, acts, acts @ (w["W_D"] / lengths[:, None]) + w["b_D"])
    assert (about.site, about.target_site) == ("resid_post.8", "mlp_out.9")


def test_weights_of_sae_lens_beside_its_own_configuration_stay_its(tmp_path: Path) -> None:
    folder = later(tmp_path / "a", drawn(**NEW))
    assert recognise(folder, None)[0] == "llama_scope"
    assert recognise(folder, "llama_scope") == ("llama_scope", folder)
    (folder / "cfg.json").write_text("{}")
    assert recognise(folder, None) == ("sae_lens", folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sae_type": "clt"}, "a cross-layer transcoder, which"),
        ({"sae_type": "lorsa"}, "low-rank sparse attention"),
        ({"sae_type": "crosscoder"}, "a crosscoder, which"),
        ({"act_fn": "batchtopk"}, "act_fn is 'batchtopk'"),
        ({"use_glu_encoder": True}, "use_glu_encoder is true"),
        ({"norm_activation": "token-wise"}, "norm_activation is 'token-wise'"),
        ({"dataset_average_activation_norm": None}, r"hyperparams\.json: the mean norms of act"),
        ({"dataset_average_activation_norm": {"in": 0.0, "out": 1.0}}, "can't be scaled by them"),
        ({"d_sae": None}, "neither d_sae nor expansion_factor"),
        ({"d_sae": N + 1}, r"encoder\.weight has the shape"),
    ],
)
def test_what_can_not_be_followed_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        read(first(tmp_path / "f", drawn(**OLD), **changes), "llama_scope")


def test_an_unknown_field_of_a_configuration_is_kept(tmp_path: Path) -> None:
    folder = first(tmp_path / "f", drawn(**OLD), new_trick=[1, 2], d_sae=N)
    assert read(folder, "llama_scope")[1].unknown_fields == {"new_trick": [1, 2]}


def test_k_is_for_layouts_that_do_not_tell_it(tmp_path: Path) -> None:
    folder = first(tmp_path / "f", drawn(**OLD))
    with pytest.raises(UserError, match="llama_scope state k themselves"):
        read(folder, "llama_scope", k=3)
