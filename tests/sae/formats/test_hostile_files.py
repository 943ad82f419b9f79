"""Files that say of themselves what isn't so: refused before they cost what they claim to be.

`benchmarks.mutated_files` draws thousands more, of which some hundreds are read here.
"""

import json
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmarks.mutated_files.campaign import campaign
from benchmarks.mutated_files.material import IMPORTED
from engine.activations import archives
from engine.activations.seed.format import import_seed_activations
from engine.errors import UserError
from engine.sae.config import MOST_FEATURES, SAEConfig
from engine.sae.formats.inference import at_inference
from engine.sae.formats.libraries import library, recognise
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.records import read_record
from engine.sae.formats.store import load_sae, save_sae
from engine.sae.formats.tensors import read_safetensors
from tests.sae.formats.made import D, N, drawn, made

INPUTS = 20 * len(IMPORTED)
"""Of every kind of file twenty."""


def test_mutated_files_are_read_or_refused() -> None:
    outcomes = list(campaign(INPUTS, seed=12, kinds=IMPORTED))
    assert [outcome for outcome in outcomes if outcome.fault] == []
    refused = sum(bool(outcome.refused) for outcome in outcomes)
    assert 0.5 * INPUTS < refused < 0.95 * INPUTS


# Tensors of more than there is --------------------------------------------------------------------


def test_a_tensor_of_one_number_in_all_places_is_no_activations(tmp_path: Path) -> None:
    torch.save(torch.ones(1).expand(40_000, 40_000), tmp_path / "activations_0.pt")
    assert (tmp_path / "activations_0.pt").stat().st_size < 2000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"activations_0\.pt holds a tensor of shape \(40000, 4"):
        import_seed_activations(tmp_path, tmp_path / "set")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 18  # KiB
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("name", ["autoencoder.pt", "ae.pt"])
def test_nor_are_they_weights(tmp_path: Path, name: str) -> None:
    d, n = 1 << 12, 1 << 18
    state = {
        "encoder.weight": torch.ones(1).expand(n, d),
        "decoder.weight": torch.ones(1).expand(d, n),
        "bias": torch.ones(d),
        "encoder.bias": torch.ones(n),
    }
    if name == "autoencoder.pt":
        state = {
            **{key: state[key] for key in ("encoder.weight", "decoder.weight")},
            "pre_bias": torch.ones(d),
            "latent_bias": torch.ones(n),
        }
    torch.save(state, tmp_path / name)
    trainer = {"dict_class": "AutoEncoder", "activation_dim": d, "dict_size": n}
    (tmp_path / "config.json").write_text(json.dumps({"trainer": trainer}))
    format, path = recognise(tmp_path, None)
    with pytest.raises(UserError, match=r"but not the numbers for it"):
        library(format).read(path)


def test_a_small_number_for_all_features_is_what_it_says(tmp_path: Path) -> None:
    library("openai").write(made("relu"), tmp_path, SAEMetadata())
    state = torch.load(tmp_path / "autoencoder.pt")
    torch.save(state | {"latent_bias": torch.ones(1).expand(N)}, tmp_path / "autoencoder.pt")
    read, _ = library("openai").read(tmp_path / "autoencoder.pt")
    assert torch.equal(read.state_dict()["b_enc"], torch.ones(N))


def packed(path: Path) -> None:
    """Write the same archive packed, so that zeros take up next to nothing."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def test_archives_that_unpack_to_far_more_than_they_are_are_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_SMALL", 1 << 16)
    zeros = torch.zeros(1 << 18, 2)
    torch.save(zeros, tmp_path / "activations_0.pt")
    np.savez(tmp_path / "params.npz", W_enc=zeros.numpy())
    for name in ("activations_0.pt", "params.npz"):
        packed(tmp_path / name)
        assert (tmp_path / name).stat().st_size < 1 << 13
    with pytest.raises(UserError, match="would be unpacked to 2,"):
        import_seed_activations(tmp_path, tmp_path / "set")
    with pytest.raises(UserError, match="would be unpacked to 2,"):
        library("gemma_scope").read(tmp_path)


def test_what_numpy_packs_is_read(tmp_path: Path) -> None:
    w = drawn(W_enc=(D, N), b_enc=(N,), W_dec=(N, D), b_dec=(D,), threshold=(N,))
    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in w.items()}
    np.savez_compressed(tmp_path / "params.npz", **arrays)
    assert library("gemma_scope").read(tmp_path)[0].config.d_sae == N


# What readers of files raise --------------------------------------------------------------------


def array_header(text: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        header = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
        with zipfile.ZipFile(folder / "params.npz", "w") as archive:
            for name in ("W_enc", "W_dec", "b_enc", "b_dec", "threshold"):
                archive.writestr(f"{name}.npy", header)

    return damage


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 20",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 1000), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "'''",
        "(" * 9000,
    ],
)
def test_headers_of_arrays(tmp_path: Path, text: str) -> None:
    array_header(text)(tmp_path)
    with pytest.raises(UserError, match=r"params\.npz is damaged or no file of arrays"):
        library("gemma_scope").read(tmp_path)


def test_dtypes_that_are_not_computed_with(tmp_path: Path) -> None:
    """Two numbers of 4 bits in a byte are floating point to torch, and can't be made fp32."""
    path = tmp_path / "x.safetensors"
    header = json.dumps({"x": {"dtype": "F4", "shape": [16], "data_offsets": [0, 8]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    tensors = read_safetensors(path)
    shape = tuple(tensors.found["x"].shape)
    with pytest.raises(UserError, match=r"x is torch\.float4"):
        tensors.weights("x", shape)
    path.write_bytes(path.read_bytes().replace(b'"F4"', b'"X4"'))
    with pytest.raises(UserError, match=r"x\.safetensors is damaged"):
        read_safetensors(path)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(torch.float64, 1e300), (torch.float8_e4m3fn, torch.nan), (torch.bfloat16, torch.inf)],
)
def test_what_is_infinite_in_our_precision(
    tmp_path: Path, dtype: torch.dtype, value: float
) -> None:
    save_sae(made("topk"), tmp_path / "one", SAEMetadata())
    path = tmp_path / "one" / "sae_weights.safetensors"
    weights = load_file(path)
    save_file(weights | {"b_dec": torch.full((D,), value, dtype=torch.float64).to(dtype)}, path)
    with pytest.raises(UserError, match="b_dec holds values that are not finite"):
        load_sae(tmp_path / "one")


@pytest.mark.parametrize("name", ["cfg.json", "brainsurg.json", "config.json", "sae.json"])
def test_records_that_are_nested_beyond_reason(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text('{"metadata": ' + "[" * 200_000 + "]" * 200_000 + "}")
    for kind in (dict[str, Any], SAEMetadata, SAEConfig):
        with pytest.raises(UserError, match=f"{name} can't be understood"):
            read_record(path, kind)


@pytest.mark.parametrize(
    "fields",
    [
        {"d_sae": MOST_FEATURES + 1},
        {"d_sae": 1 << 62},
        {"d_sae": 10**30},
        {"d_in": 1 << 62},
        {"d_in": 1 << 40, "d_sae": 1 << 40},
        {"k": 10**30},
        {"d_sae": MOST_FEATURES},
    ],
)
def test_absurd_widths(tmp_path: Path, fields: dict[str, int]) -> None:
    save_sae(made("topk"), tmp_path / "one", SAEMetadata())
    path = tmp_path / "one" / "cfg.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    with pytest.raises(UserError, match=f"{next(iter(fields))}|W_enc|k is"):
        load_sae(tmp_path / "one")


@pytest.mark.parametrize("context", [-5, 0, True, 1 << 31, 10**30, "x"])
@pytest.mark.parametrize("format", ["sae_lens", "dictionary_learning", "sparsify"])
def test_lengths_of_texts_that_can_not_be_meant(tmp_path: Path, format: str, context: Any) -> None:
    sae = made("topk")
    library(format).write(at_inference(sae), tmp_path, SAEMetadata(context=64))
    name = "config.json" if format == "dictionary_learning" else "cfg.json"
    text = (tmp_path / name).read_text()
    assert text.count("64") == 1
    (tmp_path / name).write_text(text.replace("64", json.dumps(context)))
    try:
        read, about = library(format).read(tmp_path)
    except UserError:
        return
    assert about.context is None
    save_sae(read, tmp_path / "kept", about)
