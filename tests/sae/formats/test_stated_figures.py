"""What publishers state of their SAEs, in the files that their libraries write."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from engine.errors import UserError
from engine.sae.formats.stated_figures import (
    NOTHING_STATED,
    StatedFigures,
    stated_figures,
    stated_or_noted,
)

MEASURED = {
    "l2_loss": 5.5,
    "l1_loss": 80.0,
    "l0": 31.5,
    "frac_variance_explained": 0.81,
    "cossim": 0.93,
    "l2_ratio": 0.9,
    "relative_reconstruction_bias": 0.98,
    "loss_original": 2.0,
    "loss_reconstructed": 2.25,
    "loss_zero": 12.0,
    "frac_recovered": 0.975,
    "frac_alive": 0.75,
    "hyperparameters": {"n_inputs": 200, "context_length": 128},
}
"""What dictionary_learning's `evaluate` gives, with what its demonstration adds."""


@pytest.mark.parametrize("file", ["", "ae_300.pt"])
def test_dictionary_learning_states_what_its_evaluation_measured(tmp_path: Path, file: str) -> None:
    (tmp_path / "eval_results.json").write_text(json.dumps(MEASURED))
    found = stated_figures("dictionary_learning", tmp_path / file)
    assert found.figures == {
        "l0": 31.5,
        "explained_variance": 0.81,
        "cosine": 0.93,
        "norm_ratio": 0.9,
        "ce_clean": 2.0,
        "ce_sae": 2.25,
        "ce_zero": 12.0,
        "ce_score": 0.975,
        "dead_fraction": 0.25,
        "delta_ce": 0.25,
    }
    assert found.where == "eval_results.json"
    assert "the error's own mean" in found.protocol


def test_sae_lens_states_what_its_training_counted(tmp_path: Path) -> None:
    cfg: dict[str, Any] = {"architecture": "topk", "d_sae": 8}
    (tmp_path / "cfg.json").write_text(json.dumps(cfg))
    assert stated_figures("sae_lens", tmp_path).figures == {}
    density = torch.tensor([0.5, 0.25, 0.0, 0.1, 1e-6, 0.0, 1.0, 0.0])
    save_file({"sparsity": torch.log10(density + 1e-10)}, tmp_path / "sparsity.safetensors")
    found = stated_figures("sae_lens", tmp_path)
    assert found.figures["l0"] == pytest.approx(density.sum().item(), rel=1e-5)
    assert found.figures["dead_fraction"] == 3 / 8
    assert found.where == "sparsity.safetensors"
    cfg["metadata"] = {"l0": 2.5, "num_dead_features": 2}
    (tmp_path / "cfg.json").write_text(json.dumps(cfg))
    found = stated_figures("sae_lens", tmp_path)
    assert (found.figures, found.where) == ({"l0": 2.5, "dead_fraction": 0.25}, "cfg.json")


def test_gemma_scope_states_l0(tmp_path: Path) -> None:
    first = tmp_path / "gemma-scope-2b-pt-res" / "layer_20" / "width_16k" / "average_l0_71"
    first.mkdir(parents=True)
    found = stated_figures("gemma_scope", first)
    assert (found.figures, found.where) == ({"l0": 71.0}, "average_l0_71")
    assert stated_figures("gemma_scope", first.parent) == NOTHING_STATED
    (tmp_path / "config.json").write_text('{"architecture": "jump_relu", "l0": 60}')
    found = stated_figures("gemma_scope", tmp_path)
    assert (found.figures, found.where) == ({"l0": 60.0}, "config.json")
    (tmp_path / "config.json").write_text('{"architecture": "jump_relu"}')
    assert stated_figures("gemma_scope", tmp_path) == NOTHING_STATED


@pytest.mark.parametrize("format", ["openai", "sparsify", "dictionary_learning", "gemma_scope"])
def test_without_such_a_file_nothing_is_stated(tmp_path: Path, format: str) -> None:
    assert stated_figures(format, tmp_path) == NOTHING_STATED


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*MEASURED]),
        st.one_of(
            st.none(), st.booleans(), st.text(), st.floats(), st.integers(), st.lists(st.floats())
        ),
    )
)
def test_whatever_a_file_says_figures_are_finite_numbers(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("stated")
    (folder / "eval_results.json").write_text(json.dumps(content))
    notes: list[str] = []
    found = stated_or_noted("dictionary_learning", folder, notes.append)
    assert isinstance(found, StatedFigures)
    assert all(value is not None and math.isfinite(value) for value in found.figures.values())
    plain = {k: v for k, v in content.items() if type(v) in (int, float) and abs(v) < 1e17}
    if not notes and "l0" in plain:
        assert found.figures["l0"] == plain["l0"]


@pytest.mark.parametrize("content", [b"[1]", b"{", b"\xff", b"null"])
def test_what_can_not_be_understood_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "eval_results.json").write_bytes(content)
    with pytest.raises(UserError, match=r"eval_results\.json can't be understood"):
        stated_figures("dictionary_learning", tmp_path)
    notes: list[str] = []
    assert stated_or_noted("dictionary_learning", tmp_path, notes.append) == NOTHING_STATED
    assert ["eval_results.json" in note for note in notes] == [True]


@pytest.mark.parametrize("tensor", [torch.zeros(2, 2), torch.full((2,), torch.nan), None])
def test_densities_that_are_none_are_named(tmp_path: Path, tensor: torch.Tensor | None) -> None:
    (tmp_path / "cfg.json").write_text('{"d_sae": 2}')
    if tensor is None:
        (tmp_path / "sparsity.safetensors").write_bytes(b"no tensors")
    else:
        save_file({"sparsity": tensor}, tmp_path / "sparsity.safetensors")
    with pytest.raises(UserError, match=r"sparsity\.safetensors"):
        stated_figures("sae_lens", tmp_path)
