"""Files as they are published that no library writes any more, or that only one reads, against the
formula written again. `benchmarks.formats` holds the same against the libraries themselves."""

import json
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

OUT = D  # the layouts here have one width


def read(path: Path, format: str, **stated: Any) -> tuple[Any, SAEMetadata]:
    known, where = recognise(path, None)
    assert known == format
    return read_sae(known, where, **stated)


# Qwen-Scope ------------------------------------------------------------------------------------


def qwen(folder: Path, features: int = 1024) -> dict[str, Tensor]:
    shapes = {"W_enc": (features, D), "W_dec": (D, features), "b_enc": (features,), "b_dec": (D,)}
    w = drawn(**shapes)
    folder.mkdir(parents=True)
    torch.save(w, folder / "layer12.sae.pt")
    return w


@pytest.mark.parametrize("named", [True, False])
def test_qwen_scope(tmp_path: Path, named: bool) -> None:
    name = f"models--Qwen--SAE-Res-Qwen3-1.7B-Base-W1K-L0_{K}" if named else "elsewhere"
    w = qwen(tmp_path / name / "snapshots")
    file = tmp_path / name / "snapshots" / "layer12.sae.pt"
    sae, about = read(file, "qwen_scope", k=None if named else K)
    acts = top_k(X @ w["W_enc"].T + w["b_enc"])
    torch.testing.assert_close(sae.encode(X), acts, rtol=1e-4, atol=2e-5)
    torch.testing.assert_close(sae(X), acts @ w["W_dec"].T + w["b_dec"], rtol=1e-4, atol=2e-5)
    model = "Qwen/Qwen3-1.7B-Base" if named else ""
    assert about == SAEMetadata(model=model, site="resid_post.12")


def test_qwen_scope_needs_a_k_that_agrees(tmp_path: Path) -> None:
    qwen(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"doesn't say how many features.*--k"):
        read(tmp_path / "elsewhere", "qwen_scope")
    qwen(tmp_path / "SAE-Res-Qwen3.5-27B-W1K-L0_50")
    with pytest.raises(UserError, match="k is 50, and 4 is stated"):
        read(tmp_path / "SAE-Res-Qwen3.5-27B-W1K-L0_50", "qwen_scope", k=4)
    qwen(tmp_path / "SAE-Res-Qwen3-8B-Base-W64K-L0_50")
    with pytest.raises(UserError, match="has 1,024 features, and by its folder's name 64K"):
        read(tmp_path / "SAE-Res-Qwen3-8B-Base-W64K-L0_50", "qwen_scope")


# Goodfire, qresearch ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "maps", "name", "model"),
    [
        (
            "goodfire",
            ("encoder_linear", "decoder_linear"),
            "Llama-3.1-8B-Instruct-SAE-l19.pth",
            "meta-llama/Llama-3.1-8B-Instruct",
        ),
        (
            "qresearch",
            ("encoder", "decoder"),
            "DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt",
            "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
        ),
    ],
)
def test_plain_relu(
    tmp_path: Path, format: str, maps: tuple[str, str], name: str, model: str
) -> None:
    encoder, decoder = maps
    w = drawn(
        **{
            f"{encoder}.weight": (N, D),
            f"{encoder}.bias": (N,),
            f"{decoder}.weight": (D, N),
            f"{decoder}.bias": (D,),
        }
    )
    torch.save(w, tmp_path / name)
    sae, about = read(tmp_path, format)
    acts = (X @ w[f"{encoder}.weight"].T + w[f"{encoder}.bias"]).relu()
    assert_same(sae, acts, acts @ w[f"{decoder}.weight"].T + w[f"{decoder}.bias"])
    assert about == SAEMetadata(model=model, site="resid_post.19")
    if format == "goodfire":
        torch.save(w, tmp_path / "any.pt")
        assert read(tmp_path / "any.pt", format)[1] == SAEMetadata()


def test_a_file_named_like_qresearchs_with_a_configuration_is_dictionary_learnings(
    tmp_path: Path,
) -> None:
    w = drawn(
        **{
            "encoder.weight": (N, D),
            "encoder.bias": (N,),
            "decoder.weight": (D, N),
            "decoder.bias": (D,),
        }
    )
    file = tmp_path / "checkpoints" / "M-SAE-l1.pt"
    file.parent.mkdir()
    torch.save(w, file)
    assert recognise(file, None)[0] == "qresearch"
    trainer = {"dict_class": "AutoEncoderNew", "activation_dim": D, "dict_size": N}
    (tmp_path / "config.json").write_text(json.dumps({"trainer": trainer}))
    assert recognise(file, None)[0] == "dictionary_learning"


# circuit-tracer --------------------------------------------------------------------------------

YAML = """\
model_name: Qwen/Qwen3-1.7B
model_kind: transcoder_set
feature_input_hook: mlp.hook_in
feature_output_hook: mlp.hook_out
scan: qwen3-1.7b
"""


def transcoder(folder: Path, layer: int = 3, **more: tuple[int, ...]) -> dict[str, Tensor]:
    shapes = {"W_enc": (N, D), "W_dec": (N, OUT), "b_enc": (N,), "b_dec": (OUT,)}
    w = drawn(**shapes | more)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(w, folder / f"layer_{layer}.safetensors")
    return w


@pytest.mark.parametrize("kind", ["relu", "jumprelu", "topk"])
@pytest.mark.parametrize("skips", [True, False])
def test_circuit_tracer(tmp_path: Path, kind: str, skips: bool) -> None:
    more: dict[str, tuple[int, ...]] = {"W_skip": (OUT, D)} if skips else {}
    if kind == "jumprelu":
        more["activation_function.threshold"] = (N,)
    w = transcoder(tmp_path, **more)
    (tmp_path / "config.yaml").write_text(YAML)
    sae, about = read(tmp_path, "circuit_tracer", k=K if kind == "topk" else None)
    pre = X @ w["W_enc"].T + w["b_enc"]
    if kind == "jumprelu":
        acts = jump(pre, w["activation_function.threshold"])
    else:
        acts = top_k(pre) if kind == "topk" else pre.relu()
    decoded = acts @ w["W_dec"] + w["b_dec"]
    assert_same(sae, acts, decoded + X @ w["W_skip"].T if skips else decoded)
    assert about == SAEMetadata(model="Qwen/Qwen3-1.7B", site="mlp_in.3", target_site="mlp_out.3")


def test_a_layer_of_a_set_is_chosen(tmp_path: Path) -> None:
    transcoder(tmp_path, 3)
    transcoder(tmp_path, 11)
    with pytest.raises(UserError, match=r"layer_3\.safetensors, layer_11\.safe.*--layer"):
        recognise(tmp_path, None)
    eleven = ("circuit_tracer", tmp_path / "layer_11.safetensors")
    assert recognise(tmp_path, None, 11) == eleven
    assert recognise(tmp_path / "layer_11.safetensors", None) == eleven
    with pytest.raises(UserError, match="no autoencoder of layer 12"):
        recognise(tmp_path, None, 12)


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("", SAEMetadata()),
        (
            "model_name: google/gemma-2-2b\nfeature_input_hook: ln2.hook_normalized\n"
            "feature_output_hook: hook_mlp_out\n",
            SAEMetadata(
                model="google/gemma-2-2b", site="mlp_in_unscaled.3", target_site="mlp_out.3"
            ),
        ),
        (  # of Gemma, what the MLP gives out is not what is added
            "model_name: google/gemma-2-2b\nfeature_input_hook: hook_resid_mid\n"
            "feature_output_hook: mlp.hook_out\nnew: [1, 2]\nmade: 2026-05-01\n",
            SAEMetadata(
                model="google/gemma-2-2b",
                library_fields={
                    "circuit_tracer": {
                        "feature_input_hook": "blocks.3.hook_resid_mid",
                        "feature_output_hook": "blocks.3.mlp.hook_out",
                    }
                },
                unknown_fields={"made": "2026-05-01", "new": [1, 2]},
            ),
        ),
    ],
)
def test_where_a_transcoder_of_a_set_belongs(tmp_path: Path, yaml: str, told: SAEMetadata) -> None:
    transcoder(tmp_path)
    if yaml:
        (tmp_path / "config.yaml").write_text(yaml)
    about = read(tmp_path, "circuit_tracer")[1]
    assert {name: str(value) for name, value in about.unknown_fields.items()} == {
        name: str(value) for name, value in told.unknown_fields.items()
    }
    assert about.__class__(**{**vars_of(about), "unknown_fields": told.unknown_fields}) == told


def vars_of(about: SAEMetadata) -> dict[str, Any]:
    return {name: getattr(about, name) for name in about.__struct_fields__}


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("model_kind: cross_layer_transcoder\n", "cross_layer_transcoder. A cross-layer"),
        ("model_kind: lorsa\n", "model_kind is 'lorsa'"),
        ("activation: gelu\n", "activation is 'gelu'"),
        ("activation: topk\n", "k isn't given"),
        ("k: [", "config.yaml can't be understood"),
        ("- a\n", "holds no named fields"),
        ("a: &a [1]\nb: *a\n", "has aliases"),
        ("!!python/object/apply:os.system ['x']\n", "can't be understood"),
    ],
)
def test_a_set_that_is_refused(tmp_path: Path, yaml: str, said: str) -> None:
    transcoder(tmp_path)
    (tmp_path / "config.yaml").write_text(yaml)
    with pytest.raises(UserError, match=said):
        read(tmp_path, "circuit_tracer")


def test_files_of_a_cross_layer_transcoder_are_refused_by_name(tmp_path: Path) -> None:
    save_file({"W_enc_0": torch.ones(2, 2)}, tmp_path / "W_enc_0.safetensors")
    with pytest.raises(UserError, match="is of a cross-layer transcoder"):
        read(tmp_path, "circuit_tracer")


# Gemma Scope 2 --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "type", "said"),
    [
        ("clt/width_262k_l0_medium", "sae", "is a cross-layer transcoder: it reads at one layer"),
        ("crosscoder_all/layer_7_13", "sae", "is a weakly causal crosscoder"),
        ("elsewhere/layer_7", "weakly_causal_crosscoder", "at four layers at once"),
        ("elsewhere/layer_7", "clt", "writes at all later ones"),
    ],
)
def test_what_concerns_several_layers_of_gemma_is_refused_by_name(
    tmp_path: Path, inside: str, type: str, said: str
) -> None:
    folder = tmp_path / "gemma-scope-2-1b-pt" / inside
    folder.mkdir(parents=True)
    w = drawn(w_enc=(D, N), b_enc=(N,), w_dec=(N, D), b_dec=(D,), threshold=(N,))
    save_file(w, folder / "params.safetensors")
    config = {
        "architecture": "jump_relu",
        "type": type,
        "hf_hook_point_in": "model.layers.7.output",
    }
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=said):
        read(folder, "gemma_scope")


def test_gemma_scope_2_names_what_it_does_not_know(tmp_path: Path) -> None:
    w = drawn(w_enc=(D, N), b_enc=(N,), w_dec=(N, D), b_dec=(D,), threshold=(N,))
    save_file(w, tmp_path / "params.safetensors")
    config = {
        "architecture": "jump_relu",
        "type": "transcoder",
        "model_name": "gemma-v3-1b-pt",
        "hf_hook_point_in": "model.layers.7.pre_feedforward_layernorm.output",
        "hf_hook_point_out": "model.layers.7.post_feedforward_layernorm.output",
        "l0": 20,
        "whitening": "on",
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read(tmp_path, "gemma_scope")[1] == SAEMetadata(
        model="google/gemma-3-1b-pt",
        site="mlp_in.7",
        target_site="mlp_out.7",
        unknown_fields={"whitening": "on"},
    )
