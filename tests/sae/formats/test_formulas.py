"""Files laid out as each library lays them out, against its formula written again.

`benchmarks.formats` holds the same against the libraries themselves.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.formats import dictionary_learning, gemma_scope, openai, sae_lens, sparsify
from engine.sae.formats.metadata import SAEMetadata
from tests.sae.formats.made import GROUPS, D, K, N, X, assert_same, drawn, jump, top_k

OUT = 9


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


# SAELens ---------------------------------------------------------------------------------------


def read_sae_lens(
    folder: Path, architecture: str, w: dict[str, Tensor], **cfg: Any
) -> SparseAutoencoder:
    about = {"metadata": {"sae_lens_version": "6.54.12"}}
    write_json(
        folder / "cfg.json", {"architecture": architecture, "d_in": D, "d_sae": N} | about | cfg
    )
    save_file(w, folder / "sae_weights.safetensors")
    return sae_lens.read(folder)[0]


def linear(**more: tuple[int, ...]) -> dict[str, Tensor]:
    return drawn(**{"W_enc": (D, N), "W_dec": (N, D), "b_enc": (N,), "b_dec": (D,)} | more)


@pytest.mark.parametrize("centres", [True, False])
def test_sae_lens_jumprelu(tmp_path: Path, centres: bool) -> None:
    w = linear(threshold=(N,))
    sae = read_sae_lens(tmp_path, "jumprelu", w, apply_b_dec_to_input=centres)
    pre = (X - w["b_dec"] * centres) @ w["W_enc"] + w["b_enc"]
    acts = jump(pre, w["threshold"])
    assert (w["threshold"] < 0).any()
    assert_same(sae, acts, acts @ w["W_dec"] + w["b_dec"])


@pytest.mark.parametrize("centres", [True, False])
def test_sae_lens_gated(tmp_path: Path, centres: bool) -> None:
    w = linear(b_gate=(N,), b_mag=(N,), r_mag=(N,))
    del w["b_enc"]
    sae = read_sae_lens(tmp_path, "gated", w, apply_b_dec_to_input=centres)
    x = X - w["b_dec"] * centres
    gate = (x @ w["W_enc"] + w["b_gate"] > 0).float()
    acts = gate * (x @ (w["W_enc"] * w["r_mag"].exp()) + w["b_mag"]).relu()
    assert_same(sae, acts, acts @ w["W_dec"] + w["b_dec"])


def test_sae_lens_standard_in_half_precision(tmp_path: Path) -> None:
    w = linear()
    sae = read_sae_lens(tmp_path, "standard", {name: t.half() for name, t in w.items()})
    w = {name: tensor.half().float() for name, tensor in w.items()}
    acts = ((X - w["b_dec"]) @ w["W_enc"] + w["b_enc"]).relu()
    assert_same(sae, acts, acts @ w["W_dec"] + w["b_dec"])


def test_sae_lens_layer_norm(tmp_path: Path) -> None:
    w = linear()
    sae = read_sae_lens(tmp_path, "topk", w, k=K, normalize_activations="layer_norm")
    mean, deviation = X.mean(1, keepdim=True), X.std(1, keepdim=True)
    acts = top_k(((X - mean) / (deviation + 1e-5) - w["b_dec"]) @ w["W_enc"] + w["b_enc"])
    assert_same(sae, acts, (acts @ w["W_dec"] + w["b_dec"]) * deviation + mean)


@pytest.mark.parametrize("jumps", [True, False])
@pytest.mark.parametrize("skips", [True, False])
def test_sae_lens_transcoders(tmp_path: Path, jumps: bool, skips: bool) -> None:
    w = linear(W_dec=(N, OUT), b_dec=(OUT,), threshold=(N,), W_skip=(OUT, D))
    w = {n: t for n, t in w.items() if (jumps or n != "threshold") and (skips or n != "W_skip")}
    name = f"{'jumprelu_' if jumps else ''}{'skip_' if skips else ''}transcoder"
    sae = read_sae_lens(tmp_path, name, w, d_out=OUT, apply_b_dec_to_input=False)
    pre = X @ w["W_enc"] + w["b_enc"]
    acts = jump(pre, w["threshold"]) if jumps else pre.relu()
    decoded = acts @ w["W_dec"] + w["b_dec"]
    assert_same(sae, acts, decoded + X @ w["W_skip"].T if skips else decoded)


@pytest.mark.parametrize(
    ("told", "trained"),
    [
        ({"training_architecture": "batchtopk"}, None),
        ({"training_architecture_details": {"k": 7.0}}, None),
        (
            {
                "training_architecture": "batchtopk",
                "training_architecture_details": {"k": 7.0, "topk_threshold_lr": 0.01},
            },
            ("batchtopk", 7, None),
        ),
        (
            {
                "training_architecture": "batchtopk",
                "training_architecture_details": {"k": 7.5},
            },
            None,
        ),
        (
            {
                "training_architecture": "matryoshka_batchtopk",
                "training_architecture_details": {"k": 3, "matryoshka_widths": [5, 20]},
            },
            ("matryoshka", 3, GROUPS),
        ),
        (
            {
                "training_architecture": "matryoshka_batchtopk",
                "training_architecture_details": {"k": 3, "matryoshka_widths": [5, 21]},
            },
            None,
        ),
    ],
)
def test_sae_lens_tells_what_was_trained_or_we_do_not_know_it(
    tmp_path: Path, told: dict[str, Any], trained: tuple[Any, ...] | None
) -> None:
    metadata = {"sae_lens_version": "6.54.12", **told}
    read_sae_lens(tmp_path, "jumprelu", linear(threshold=(N,)), metadata=metadata)
    config = sae_lens.read(tmp_path)[1].trained_as
    assert (config and (config.architecture, config.k, config.groups)) == trained


# sparsify --------------------------------------------------------------------------------------


def sparsify_weights(n: int = N) -> dict[str, Tensor]:
    shapes = {"encoder.weight": (n, D), "encoder.bias": (n,), "W_dec": (n, D), "b_dec": (D,)}
    return drawn(**shapes, W_skip=(D, D))


@pytest.mark.parametrize("transcode", [True, False])
@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("counted", [True, False])
def test_sparsify(tmp_path: Path, transcode: bool, skips: bool, counted: bool) -> None:
    n = N if counted else 4 * D
    w = sparsify_weights(n)
    cfg = {"d_in": D, "k": K, "transcode": transcode, "skip_connection": skips}
    cfg |= {"num_latents": n} if counted else {"num_latents": 0, "expansion_factor": 4}
    write_json(tmp_path / "cfg.json", cfg | {"multi_topk": True, "normalize_decoder": False})
    kept = {name: t for name, t in w.items() if skips or name != "W_skip"}
    save_file(kept, tmp_path / "sae.safetensors")
    sae, _ = sparsify.read(tmp_path)
    x = X if transcode else X - w["b_dec"]
    acts = top_k(x @ w["encoder.weight"].T + w["encoder.bias"])
    decoded = acts @ w["W_dec"] + w["b_dec"]
    assert_same(sae, acts, decoded + X @ w["W_skip"].T if skips else decoded)


@pytest.mark.parametrize(
    ("run", "place", "told"),
    [
        (
            {"model": "EleutherAI/pythia-70m", "ctx_len": 2048},
            "layers.3",
            SAEMetadata(model="EleutherAI/pythia-70m", site="resid_post.3", context=2048),
        ),
        ({"model": {"a": "stranger's"}}, "layers.3.mlp", SAEMetadata()),
        (None, "anything", SAEMetadata()),
    ],
)
def test_sparsify_tells_where_it_comes_from(
    tmp_path: Path, run: dict[str, Any] | None, place: str, told: SAEMetadata
) -> None:
    if run is not None:
        write_json(tmp_path / "config.json", run)
    write_json(tmp_path / place / "cfg.json", {"d_in": D, "k": K, "num_latents": N})
    weights = sparsify_weights()
    del weights["W_skip"]
    save_file(weights, tmp_path / place / "sae.safetensors")
    assert sparsify.read(tmp_path / place)[1] == told


# dictionary_learning ---------------------------------------------------------------------------


def read_dictionary(folder: Path, dict_class: str, state: dict[str, Tensor], **more: Any) -> Any:
    trainer = {
        "dict_class": dict_class,
        "trainer_class": "AnyTrainer",
        "activation_dim": D,
        "dict_size": N,
        "layer": 8,
        "lm_name": "EleutherAI/pythia-70m-deduped",
        "submodule_name": "resid_post_layer_8",
    }
    write_json(folder / "config.json", {"trainer": trainer | more, "buffer": {"ctx_len": 128}})
    torch.save(state, folder / "ae.pt")
    return dictionary_learning.read(folder)


def linears(**more: tuple[int, ...]) -> dict[str, Tensor]:
    return drawn(
        **{"encoder.weight": (N, D), "encoder.bias": (N,), "decoder.weight": (D, N)} | more
    )


def test_auto_encoder(tmp_path: Path) -> None:
    """Whose decoder the library gives length 1 when it loads it, and acts what it had."""
    w = linears(bias=(D,))
    sae, about = read_dictionary(tmp_path, "AutoEncoder", w)
    written = w["decoder.weight"] / w["decoder.weight"].norm(dim=0)
    acts = ((X - w["bias"]) @ w["encoder.weight"].T + w["encoder.bias"]).relu()
    acts = acts * w["decoder.weight"].norm(dim=0)
    assert_same(sae, acts, acts @ written.T + w["bias"])
    assert about == SAEMetadata(
        model="EleutherAI/pythia-70m-deduped", site="resid_post.8", context=128
    )


def test_auto_encoder_new(tmp_path: Path) -> None:
    w = linears(**{"decoder.bias": (D,)})
    sae, _ = read_dictionary(tmp_path, "AutoEncoderNew", w)
    acts = (X @ w["encoder.weight"].T + w["encoder.bias"]).relu()
    assert_same(sae, acts, acts @ w["decoder.weight"].T + w["decoder.bias"])


def test_auto_encoder_top_k_does_not_use_its_threshold(tmp_path: Path) -> None:
    w = linears(b_dec=(D,))
    counts = {"k": torch.tensor(K, dtype=torch.int32), "threshold": torch.tensor(5.0)}
    sae, _ = read_dictionary(tmp_path, "AutoEncoderTopK", w | counts, k=K)
    acts = top_k((X - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"])
    assert_same(sae, acts, acts @ w["decoder.weight"].T + w["b_dec"])


@pytest.mark.parametrize("threshold", [1.5, -1.0])
def test_batch_top_k(tmp_path: Path, threshold: float) -> None:
    w = linears(b_dec=(D,))
    counts = {"k": torch.tensor(K, dtype=torch.int32), "threshold": torch.tensor(threshold)}
    sae, about = read_dictionary(tmp_path, "BatchTopKSAE", w | counts, k=K)
    acts = jump((X - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"], counts["threshold"])
    assert_same(sae, acts, acts @ w["decoder.weight"].T + w["b_dec"])
    assert about.trained_as is not None
    assert (about.trained_as.architecture, about.trained_as.k) == ("batchtopk", K)


def test_matryoshka(tmp_path: Path) -> None:
    w = drawn(W_enc=(D, N), b_enc=(N,), W_dec=(N, D), b_dec=(D,))
    counts = {
        "k": torch.tensor(K, dtype=torch.int32),
        "threshold": torch.tensor(0.8),
        "group_sizes": torch.tensor(GROUPS),
    }
    sae, about = read_dictionary(tmp_path, "MatryoshkaBatchTopKSAE", w | counts, k=K)
    acts = jump((X - w["b_dec"]) @ w["W_enc"] + w["b_enc"], counts["threshold"])
    assert_same(sae, acts, acts @ w["W_dec"] + w["b_dec"])
    assert about.trained_as is not None
    assert (about.trained_as.architecture, about.trained_as.groups) == ("matryoshka", GROUPS)


def test_jump_relu_auto_encoder_does_not_centre(tmp_path: Path) -> None:
    w = drawn(W_enc=(D, N), b_enc=(N,), W_dec=(N, D), b_dec=(D,), threshold=(N,))
    sae, _ = read_dictionary(tmp_path, "JumpReluAutoEncoder", w)
    acts = jump(X @ w["W_enc"] + w["b_enc"], w["threshold"])
    assert_same(sae, acts, acts @ w["W_dec"] + w["b_dec"])


def test_gated_auto_encoder(tmp_path: Path) -> None:
    w = linears(decoder_bias=(D,), r_mag=(N,), gate_bias=(N,), mag_bias=(N,))
    del w["encoder.bias"]
    sae, _ = read_dictionary(tmp_path, "GatedAutoEncoder", w)
    encoded = (X - w["decoder_bias"]) @ w["encoder.weight"].T
    acts = (w["r_mag"].exp() * encoded + w["mag_bias"]).relu() * (encoded + w["gate_bias"] > 0)
    assert_same(sae, acts, acts @ w["decoder.weight"].T + w["decoder_bias"])


# Gemma Scope -----------------------------------------------------------------------------------


def test_gemma_scope_1(tmp_path: Path) -> None:
    w = drawn(W_enc=(D, N), b_enc=(N,), W_dec=(N, D), b_dec=(D,), threshold=(N,))
    folder = tmp_path / "gemma-scope-2b-pt-res" / "layer_20" / "width_16k" / "average_l0_71"
    folder.mkdir(parents=True)
    np.savez(folder / "params.npz", **{name: t.numpy() for name, t in w.items()})
    sae, about = gemma_scope.read(folder)
    acts = jump(X @ w["W_enc"] + w["b_enc"], w["threshold"])
    assert_same(sae, acts, acts @ w["W_dec"] + w["b_dec"])
    assert about == SAEMetadata(model="google/gemma-2-2b", site="resid_post.20")


@pytest.mark.parametrize("affine", [True, False])
def test_gemma_scope_2_transcoders(tmp_path: Path, affine: bool) -> None:
    w = drawn(
        w_enc=(D, N),
        b_enc=(N,),
        w_dec=(N, OUT),
        b_dec=(OUT,),
        threshold=(N,),
        affine_skip_connection=(D, OUT),
    )
    kept = {name: t for name, t in w.items() if affine or name != "affine_skip_connection"}
    save_file(kept, tmp_path / "params.safetensors")
    config = {
        "architecture": "jump_relu",
        "type": "transcoder",
        "width": N,
        "model_name": "gemma-v3-1b-it",
        "hf_hook_point_in": "model.layers.5.pre_feedforward_layernorm.output",
        "hf_hook_point_out": "model.layers.5.post_feedforward_layernorm.output",
        "affine_connection": affine,
    }
    write_json(tmp_path / "config.json", config)
    sae, about = gemma_scope.read(tmp_path)
    acts = jump(X @ w["w_enc"] + w["b_enc"], w["threshold"])
    decoded = acts @ w["w_dec"] + w["b_dec"]
    assert_same(sae, acts, decoded + X @ w["affine_skip_connection"] if affine else decoded)
    assert about == SAEMetadata(
        model="google/gemma-3-1b-it",
        site="mlp_in.5",
        target_site="mlp_out.5",
    )


@pytest.mark.parametrize("described", [True, False])
def test_gemma_scope_2(tmp_path: Path, described: bool) -> None:
    w = drawn(w_enc=(D, N), b_enc=(N,), w_dec=(N, D), b_dec=(D,), threshold=(N,))
    folder = tmp_path / "gemma-scope-2-270m-pt" / "resid_post_all" / "layer_7_width_16k_l0_small"
    place = "model.layers.7.output"
    config = {
        "architecture": "jump_relu",
        "model_name": "google/gemma-3-270m-pt",
        "hf_hook_point_in": place,
        "hf_hook_point_out": place,
    }
    folder.mkdir(parents=True)
    if described:
        write_json(folder / "config.json", config)
    save_file(w, folder / "params.safetensors")
    sae, about = gemma_scope.read(folder)
    acts = jump(X @ w["w_enc"] + w["b_enc"], w["threshold"])
    assert_same(sae, acts, acts @ w["w_dec"] + w["b_dec"])
    assert about == SAEMetadata(model="google/gemma-3-270m", site="resid_post.7")


# OpenAI ----------------------------------------------------------------------------------------


def openai_state(**more: Any) -> dict[str, Any]:
    shapes = {"encoder.weight": (N, D), "decoder.weight": (D, N)}
    statistics = {"stats_last_nonzero": torch.zeros(N, dtype=torch.int64)}
    return drawn(**shapes, pre_bias=(D,), latent_bias=(N,)) | statistics | more


def test_openai_topk_normalises(tmp_path: Path) -> None:
    activation = {"k": K, "postact_fn": "ReLU"}
    w = openai_state(activation="TopK", activation_state_dict=activation, **{"activation.k": K})
    torch.save(w, tmp_path / "6.pt")
    sae, _ = openai.read(tmp_path / "6.pt")
    mean = X.mean(1, keepdim=True)
    deviation = (X - mean).std(1, keepdim=True)
    x = (X - mean) / (deviation + 1e-5)
    acts = top_k((x - w["pre_bias"]) @ w["encoder.weight"].T + w["latent_bias"])
    assert_same(sae, acts, (acts @ w["decoder.weight"].T + w["pre_bias"]) * deviation + mean)


@pytest.mark.parametrize("told", [{}, {"activation": "ReLU", "activation_state_dict": {}}])
def test_openai_relu(tmp_path: Path, told: dict[str, Any]) -> None:
    w = openai_state(**told)
    torch.save(w, tmp_path / "6.pt")
    sae, _ = openai.read(tmp_path / "6.pt")
    acts = ((X - w["pre_bias"]) @ w["encoder.weight"].T + w["latent_bias"]).relu()
    assert_same(sae, acts, acts @ w["decoder.weight"].T + w["pre_bias"])
