"""Saving and loading: the same autoencoder comes back, and nothing is guessed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.errors import UserError
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.jumprelu import JumpReLU
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.formats.info import read_sae_info
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import load_sae, save_metadata, save_sae
from engine.sae.traits import ARCHITECTURES, traits_of

ABOUT = SAEMetadata(
    model="m",
    site="resid_post.3",
    activations="stories",
    context=512,
    train_config=TrainConfig(tokens=9, batch=3, lr=0.1, seed=4),
    trained_tokens=9,
    metrics={"fvu": 0.25},
)


def random_sae(architecture: str, **settings: Any) -> SparseAutoencoder:
    """Whose features are active now and then."""
    if traits_of(architecture).keeps_k:
        settings["k"] = 3
    if architecture == "matryoshka":
        settings["groups"] = (4, 12)
    sae = build(SAEConfig(architecture=architecture, d_in=5, d_sae=16, **settings))
    generator = torch.Generator().manual_seed(0)
    for name, tensor in sae.state_dict().items():
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
        if name == "threshold":
            tensor.abs_()
    return sae.requires_grad_(False)


UNTRAINABLE = [("topk", {"layer_norm": True}), ("gated", {"layer_norm": True})]
TRANSCODERS = [
    (architecture, {"d_out": width, "skip": skip})
    for architecture in ("topk", "jumprelu", "gated", "relu")
    for width, skip in ((7, False), (5, True))
]


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [*((name, {}) for name in ARCHITECTURES), *UNTRAINABLE, *TRANSCODERS],
)
def test_the_same_autoencoder_comes_back(
    tmp_path: Path, architecture: str, settings: dict[str, Any]
) -> None:
    sae = random_sae(architecture, **settings)
    written = save_sae(sae, tmp_path / "one", ABOUT)
    loaded, about = load_sae(tmp_path / "one")
    assert about == written
    if architecture in ("batchtopk", "matryoshka"):
        assert about == msgspec.structs.replace(ABOUT, trained_as=sae.config)
        assert type(loaded) is JumpReLU
        assert loaded.threshold.unique().tolist() == [pytest.approx(sae.threshold.item())]
    else:
        assert about == ABOUT
        assert type(loaded) is type(sae)
        assert loaded.config == sae.config
    x = torch.randn(20, 5)
    assert (sae.encode(x) > 0).any()
    assert torch.equal(loaded.encode(x), sae.encode(x))
    assert torch.equal(loaded(x), sae(x))
    assert not loaded(x).requires_grad
    info = read_sae_info(tmp_path / "one")
    assert (info.architecture, info.d_in, info.d_sae, info.k) == (
        architecture,
        5,
        16,
        sae.config.k,
    )
    assert info.metadata == about


def test_tensors_of_our_own_layout_keep_their_names(tmp_path: Path) -> None:
    matrices = {"encoder", "decoder", "decoder_bias"}
    skipping = {"d_out": 5, "skip": True}
    for name, settings, others in (
        ("topk", skipping, {"encoder_bias", "skip"}),
        ("gated", {"d_out": 7}, {"gate_bias", "magnitude_bias", "log_magnitude"}),
    ):
        save_sae(random_sae(name, **settings), tmp_path / name, ABOUT)
        assert set(load_file(tmp_path / name / "weights.safetensors")) == matrices | others


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_saving_again_gives_the_same_bytes(tmp_path: Path, architecture: str) -> None:
    save_sae(random_sae(architecture), tmp_path / "one", ABOUT)
    loaded, about = load_sae(tmp_path / "one")
    save_sae(loaded, tmp_path / "two", about)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 3
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    save_sae(random_sae("topk"), tmp_path / "one", ABOUT)
    with pytest.raises(UserError, match="already there"):
        save_sae(random_sae("seed-basic"), tmp_path / "one", ABOUT)
    assert read_sae_info(tmp_path / "one").architecture == "topk"
    save_sae(random_sae("seed-basic"), tmp_path / "one", ABOUT, replace=True)
    assert read_sae_info(tmp_path / "one").architecture == "seed-basic"


def test_metadata_can_be_replaced(tmp_path: Path) -> None:
    save_sae(random_sae("topk"), tmp_path / "one", ABOUT)
    save_metadata(tmp_path / "one", SAEMetadata(metrics={"fvu": 0.5}))
    assert read_sae_info(tmp_path / "one").metadata.metrics == {"fvu": 0.5}


def test_topk_lies_there_as_sae_lens_wants_it(tmp_path: Path) -> None:
    sae = random_sae("topk")
    save_sae(sae, tmp_path / "one", ABOUT)
    weights = load_file(tmp_path / "one" / "sae_weights.safetensors")
    assert {name: list(w.shape) for name, w in weights.items()} == {
        "W_enc": [5, 16],
        "W_dec": [16, 5],
        "b_enc": [16],
        "b_dec": [5],
    }
    x = torch.randn(20, 5)
    torch.testing.assert_close(sae.encode(x), sae_lens_acts(weights, x, k=3))
    cfg = json.loads((tmp_path / "one" / "cfg.json").read_text())
    assert cfg["architecture"] == "topk"
    assert (cfg["d_in"], cfg["d_sae"], cfg["k"]) == (5, 16, 3)
    assert cfg["metadata"]["hook_name"] == "blocks.3.hook_resid_post"
    assert int(cfg["metadata"]["sae_lens_version"].split(".")[0]) >= 6


def sae_lens_acts(
    w: dict[str, Tensor], x: Tensor, k: int, *, subtract: bool = True, rescale: bool = False
) -> Tensor:
    """SAELens's TopKSAE.encode, written again: its topk comes before its relu."""
    z = (x - w["b_dec"] if subtract else x) @ w["W_enc"] + w["b_enc"]
    z = z * w["W_dec"].norm(dim=-1) if rescale else z
    kept = z.topk(k, dim=-1)
    return torch.zeros_like(z).scatter_(-1, kept.indices, kept.values.relu())


@pytest.mark.parametrize("subtract", [True, False])
@pytest.mark.parametrize("rescale", [True, False])
def test_variants_of_sae_lens_topk_are_the_same_function(
    tmp_path: Path, subtract: bool, rescale: bool
) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = {"W_enc": (5, 16), "W_dec": (16, 5), "b_enc": (16,), "b_dec": (5,)}
    w = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    cfg = {
        "architecture": "topk",
        "d_in": 5,
        "d_sae": 16,
        "k": 3,
        "apply_b_dec_to_input": subtract,
        "rescale_acts_by_decoder_norm": rescale,
        "metadata": {"sae_lens_version": "6.0.1"},
    }
    save_file(w, tmp_path / "sae_weights.safetensors")
    (tmp_path / "cfg.json").write_text(json.dumps(cfg))
    x = torch.randn(30, 5, generator=generator)
    acts = sae_lens_acts(w, x, 3, subtract=subtract, rescale=rescale)
    norms = w["W_dec"].norm(dim=-1) if rescale else torch.ones(16)
    loaded, about = load_sae(tmp_path)
    torch.testing.assert_close(loaded.encode(x), acts)
    torch.testing.assert_close(loaded(x), (acts / norms) @ w["W_dec"] + w["b_dec"])
    assert about == SAEMetadata()


def changed_json(name: str, **fields: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        content |= {field: value for field, value in fields.items() if value is not None}
        for field in [field for field, value in fields.items() if value is None]:
            del content[field]
        (folder / name).write_text(json.dumps(content))

    return change


def changed_tensors(name: str, **tensors: Tensor | None) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = load_file(folder / name) | tensors
        save_file({n: t for n, t in content.items() if t is not None}, folder / name)

    return change


def truncated(name: str, size: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:size])

    return change


SAE_LENS = "sae_weights.safetensors"


@pytest.mark.parametrize(
    ("architecture", "damage", "said"),
    [
        ("topk", changed_json("cfg.json", k=None), "needs k"),
        ("topk", changed_json("cfg.json", k=17), "k is 17"),
        ("topk", changed_json("cfg.json", k="three"), "$.k"),
        ("topk", changed_json("cfg.json", d_in=None), "d_in"),
        ("topk", changed_json("cfg.json", d_in=6), "W_enc has the shape [5, 16]"),
        ("topk", changed_json("cfg.json", architecture="temporal"), "'temporal'"),
        (
            "topk",
            changed_json("cfg.json", normalize_activations="expected_average_only_in"),
            "normalize_activations is 'expected_average_only_in'",
        ),
        ("relu", changed_json("cfg.json", rescale_acts_by_decoder_norm=True), "rescale_acts"),
        ("jumprelu", changed_json("cfg.json", architecture="jumprelu_transcoder"), "apply_b_dec"),
        ("jumprelu", changed_json("cfg.json", architecture="standard"), "'threshold'"),
        ("jumprelu", changed_json("cfg.json", architecture="gated"), "'b_enc'"),
        ("batchtopk", changed_json("brainsurg.json", trained_as={"k": 1}), "trained_as"),
        ("topk", changed_json("cfg.json", reshape_activations="hook_q"), "reshape_activations"),
        ("topk", changed_json("cfg.json", metadata={}), "sae_lens_version"),
        ("topk", changed_json("cfg.json", metadata={"sae_lens_version": "5.1"}), "below 6"),
        ("topk", changed_json("brainsurg.json", format_version=2), "format_version"),
        ("topk", truncated("cfg.json", 20), "cfg.json"),
        ("topk", changed_tensors(SAE_LENS, b_enc=None), "no tensor 'b_enc'"),
        ("topk", changed_tensors(SAE_LENS, W_skip=torch.ones(2)), "unknown tensor 'W_skip'"),
        ("topk", changed_tensors(SAE_LENS, b_dec=torch.ones(6)), "b_dec has the shape [6]"),
        ("topk", changed_tensors(SAE_LENS, b_dec=torch.ones(5).int()), "b_dec is torch.int32"),
        ("topk", changed_tensors(SAE_LENS, b_dec=torch.ones(5) / 0), "b_dec holds values"),
        ("topk", truncated(SAE_LENS, 300), SAE_LENS),
        ("topk", truncated(SAE_LENS, 3), SAE_LENS),
        ("topk", lambda folder: (folder / SAE_LENS).unlink(), SAE_LENS),
        ("topk", lambda folder: (folder / "cfg.json").unlink(), "holds no autoencoder"),
        ("seed-basic", changed_json("sae.json", version=2), "$.version"),
        ("seed-basic", changed_json("sae.json", layout="other"), "$.layout"),
        ("seed-basic", changed_json("sae.json", surprise=1), "surprise"),
        (
            "seed-basic",
            changed_json("sae.json", config={"architecture": "x", "d_in": 5, "d_sae": 16}),
            "'x'",
        ),
        (
            "seed-optimised",
            changed_tensors("weights.safetensors", deviation=None),
            "no tensor 'deviation'",
        ),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, architecture: str, damage: Callable[[Path], None], said: str
) -> None:
    folder = tmp_path / "one"
    save_sae(random_sae(architecture), folder, ABOUT)
    damage(folder)
    with pytest.raises(UserError) as refused:
        load_sae(folder)
    assert said in str(refused.value)
    assert str(folder) in str(refused.value)
