"""What a library's file says its SAE is to be given is named, and told again to that library."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from engine.sae.formats.input_fields import note_on_input
from engine.sae.formats.libraries import library
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import load_sae, save_sae
from tests.sae.formats.made import D, N, drawn, made


def change(path: Path, *inside: str, **fields: Any) -> None:
    """Set fields of a record in a JSON file."""
    content = json.loads(path.read_text())
    record = content
    for name in inside:
        record = record.setdefault(name, {})
    record |= fields
    path.write_text(json.dumps(content))


def field(path: Path, *names: str) -> Any:
    found = json.loads(path.read_text())
    for name in names:
        found = found[name]
    return found


def sent_through(format: str, folder: Path) -> tuple[SAEMetadata, Path]:
    """Import what lies in a folder as the product does, and export it to the same library."""
    sae, about = library(format).read(folder)
    save_sae(sae, folder / "kept", about)
    kept, about_kept = load_sae(folder / "kept")
    assert about_kept == about
    (folder / "out").mkdir()
    library(format).write(kept, folder / "out", about_kept)
    assert library(format).read(folder / "out")[1] == about
    return about, folder / "out"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model_from_pretrained_kwargs", {"center_writing_weights": False, "dtype": "float16"}),
        ("hook_head_index", 3),
        ("seqpos_slice", [1, None, 2]),
        ("prepend_bos", False),
        ("prepend_bos", True),
        ("exclude_special_tokens", [0, 2]),
        ("exclude_special_tokens", True),
        ("sequence_separator_token", "eos"),
        ("disable_concat_sequences", True),
        ("model_class_name", "HookedMamba"),
        ("hook_name", "blocks.2.hook_mlp_in"),
        ("hf_hook_name", "model.layers.2.mlp.down_proj.input"),
    ],
)
def test_sae_lens(tmp_path: Path, name: str, value: Any) -> None:
    library("sae_lens").write(made("relu"), tmp_path, SAEMetadata(model="m", site="resid_post.2"))
    change(tmp_path / "cfg.json", "metadata", **{name: value})
    about, out = sent_through("sae_lens", tmp_path)
    assert field(out / "cfg.json", "metadata", name) == value
    assert name in note_on_input(about)
    assert "sae_lens" in note_on_input(about)


def test_no_export_is_promised_to_a_library_whose_files_are_only_read() -> None:
    about = SAEMetadata(library_fields={"circuit_tracer": {"feature_input_hook": "blocks.2.odd"}})
    assert note_on_input(about).endswith('blocks.2.odd". All of it is kept.')


def test_a_place_that_one_head_reads_is_no_site(tmp_path: Path) -> None:
    library("sae_lens").write(made("relu"), tmp_path, SAEMetadata(site="resid_post.2"))
    change(tmp_path / "cfg.json", "metadata", hook_head_index=1)
    about, _ = library("sae_lens").read(tmp_path)[1], None
    assert about.site == ""
    assert "hook_name" in note_on_input(about)


@pytest.mark.parametrize(
    ("name", "value", "site"),
    [
        ("io", "in", ""),
        ("remove_bos", True, "resid_post.2"),
        ("add_special_tokens", False, "resid_post.2"),
        ("max_activation_norm_multiple", 10, "resid_post.2"),
    ],
)
def test_dictionary_learning(tmp_path: Path, name: str, value: Any, site: str) -> None:
    about = SAEMetadata(model="m", site="resid_post.2")
    library("dictionary_learning").write(made("topk"), tmp_path, about)
    change(tmp_path / "config.json", "buffer", **{name: value})
    about, out = sent_through("dictionary_learning", tmp_path)
    assert field(out / "config.json", "buffer", name) == value
    assert field(out / "config.json", "trainer", "submodule_name") == "resid_post_layer_2"
    assert about.site == site
    assert name in note_on_input(about)


def test_a_submodule_that_is_no_site_is_told_again(tmp_path: Path) -> None:
    library("dictionary_learning").write(made("topk"), tmp_path, SAEMetadata())
    change(tmp_path / "config.json", "trainer", submodule_name="attn_3_q", layer=3)
    about, out = sent_through("dictionary_learning", tmp_path)
    assert field(out / "config.json", "trainer", "submodule_name") == "attn_3_q"
    assert field(out / "config.json", "trainer", "layer") == 3
    assert "attn_3_q" in note_on_input(about)


def test_sparsify(tmp_path: Path) -> None:
    folder = tmp_path / "layers.2.mlp"
    library("sparsify").write(made("topk"), folder, SAEMetadata())
    run = {
        "model": "EleutherAI/pythia-70m",
        "revision": "step3000",
        "ctx_len": 512,
        "hookpoints": ["layers.2.mlp"],
        "exclude_tokens": [0, 50256],
        "load_in_8bit": True,
    }
    (tmp_path / "config.json").write_text(json.dumps(run))
    about, out = sent_through("sparsify", folder)
    assert (about.model, about.revision) == ("EleutherAI/pythia-70m", "step3000")
    assert (about.site, about.context) == ("mlp_out.2", 512)
    for name in ("exclude_tokens", "load_in_8bit"):
        assert field(out / "cfg.json", name) == run[name]
        assert name in note_on_input(about)
    assert "layers.2.mlp" not in note_on_input(about)


def test_a_module_of_sparsify_that_is_no_site_is_named(tmp_path: Path) -> None:
    """Gemma norms what its MLP gives out before it is added."""
    folder = tmp_path / "layers.2.mlp"
    library("sparsify").write(made("topk"), folder, SAEMetadata())
    run = {"model": "google/gemma-2-2b", "hookpoints": ["layers.2.mlp"]}
    (tmp_path / "config.json").write_text(json.dumps(run))
    about, _ = sent_through("sparsify", folder)
    assert (about.model, about.site) == ("google/gemma-2-2b", "")
    assert "layers.2.mlp" in note_on_input(about)


def test_gemma_scope_2(tmp_path: Path) -> None:
    hook = "model.layers.2.self_attn.o_proj.input"
    w = drawn(w_enc=(D, N), b_enc=(N,), w_dec=(N, D), b_dec=(D,), threshold=(N,))
    save_file(w, tmp_path / "params.safetensors")
    config = {
        "architecture": "jump_relu",
        "model_name": "google/gemma-3-1b-pt",
        "hf_hook_point_in": hook,
        "hf_hook_point_out": hook,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    about, out = sent_through("gemma_scope", tmp_path)
    assert (field(out / "config.json", "hf_hook_point_in"), about.site) == (hook, "attn_z.2")
    before, after = library("gemma_scope").read(tmp_path)[0], library("gemma_scope").read(out)[0]
    x = torch.randn(20, D)
    torch.testing.assert_close(after(x), before(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("format", ["sae_lens", "sparsify", "dictionary_learning"])
def test_what_asks_for_nothing_is_not_named(tmp_path: Path, format: str) -> None:
    about = SAEMetadata(model="m", site="resid_post.2", context=64)
    library(format).write(made("topk"), tmp_path, about)
    read = library(format).read(tmp_path)[1]
    assert read == about
    assert note_on_input(read) == ""


def test_other_libraries_are_not_told(tmp_path: Path) -> None:
    about = SAEMetadata(library_fields={"sae_lens": {"prepend_bos": False}})
    library("dictionary_learning").write(made("topk"), tmp_path, about)
    assert "prepend_bos" not in (tmp_path / "config.json").read_text()


def test_long_values_are_named_in_short(tmp_path: Path) -> None:
    about = SAEMetadata(library_fields={"sparsify": {"exclude_tokens": list(range(9000))}})
    assert len(note_on_input(about)) < 500
