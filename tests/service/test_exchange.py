"""Another library's SAE, from the command that imports it to the clamp of one of its features."""

from pathlib import Path

import numpy as np
import pytest

from tests.service.runner import Runner

D, N = 32, 64


@pytest.fixture
def scope(tmp_path: Path) -> Path:
    """A Gemma Scope folder, with random weights; its names tell of a model that isn't here."""
    folder = tmp_path / "gemma-scope-2b-pt-res" / "layer_20" / "width_16k" / "average_l0_71"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(N, D)).astype(np.float32)
    np.savez(
        folder / "params.npz",
        W_enc=directions.T,
        W_dec=directions,
        b_enc=np.zeros(N, np.float32),
        b_dec=np.zeros(D, np.float32),
        threshold=np.full(N, 0.1, np.float32),
    )
    return folder


def test_an_imported_sae_is_scanned_shown_clamped_and_exported(
    brainsurg: Runner, scope: Path, tiny_llama_path: Path, tmp_path: Path
) -> None:
    place = ("--model", tiny_llama_path, "--site", "resid_post.1")
    (tmp_path / "texts.txt").write_text("\n\n".join(f"Once there was a dog {i}." for i in range(9)))
    brainsurg.json("capture", "acts", *place, "--text", tmp_path / "texts.txt")
    made = brainsurg.json("import-sae", "scope", scope, *place)
    assert (made["name"], made["arch"], made["d_in"], made["d_sae"]) == ("scope", "jumprelu", D, N)
    assert made["site"] == "resid_post.1"
    assert brainsurg.json("scan", "scope", "--activations", "acts")["alive"] > 0
    (feature,) = brainsurg.json("features", "scope", "--top", 1)["features"]
    assert feature["snippets"]
    prompt = ("--prompt", "Once there was", "--generate", 2, "--nulls", 2)
    report = brainsurg.json("clamp", "scope", "--feature", feature["id"], "--times-max", 2, *prompt)
    assert report["prompts"][0]["max_abs_diff"] > 0
    assert report["checks"]["no_op"]
    assert report["checks"]["error_kept"]
    out = tmp_path / "out"
    told = brainsurg.json("export-sae", "scope", out, "--format", "sae_lens")
    assert told["format"] == "sae_lens"
    assert brainsurg.json("import-sae", "again", out)["d_sae"] == N
    assert "topk alone" in brainsurg.fails("export-sae", "scope", out, "--format", "sparsify")
    assert "no file or folder" in brainsurg.fails("import-sae", "none", tmp_path / "nowhere")
    assert "format" in brainsurg.fails("export-sae", "scope", out, "--format", "x", status=2)
