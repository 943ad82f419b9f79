"""Weights in 8 bits: near the plain model's, stated, and refused where they can't be."""

import dataclasses
import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.errors import UserError
from engine.model import quantisation
from engine.model.dtypes import (
    other_dtype_note,
    quantisation_to_ask_for,
    weights_words,
)
from engine.model.generate import generate, logits
from engine.model.gradient import sensitivity
from engine.model.load import LanguageModel, load_model
from engine.model.locate import all_sites
from engine.model.observe import observe
from engine.model.site import Site, parse_site
from engine.model.weights_digest import weights_digest

needs_torchao = pytest.mark.skipif(find_spec("torchao") is None, reason="torchao isn't installed")
IDS = torch.tensor([[5, 60, 7, 100, 9], [80, 6, 70, 8, 90]])


@pytest.fixture(scope="module")
def plain(tiny_llama_path: Path) -> LanguageModel:
    return load_model(str(tiny_llama_path), device="cpu", dtype="float32")


@pytest.fixture(scope="module", params=["int8", "fp8"])
def quantised(tiny_llama_path: Path, request: pytest.FixtureRequest) -> LanguageModel:
    return load_model(
        str(tiny_llama_path), device="cpu", dtype="float32", quantize=str(request.param)
    )


def rounded(weights: Tensor, name: str) -> Tensor:
    """What is left of weights [out, in] that are kept in 8 bits with a scale for each row."""
    largest = weights.abs().amax(1, keepdim=True)
    if name == "int8":
        scale = largest / 127.5
        return (weights / scale).round().clamp(-128, 127) * scale
    scale = largest / torch.finfo(torch.float8_e4m3fn).max
    return (weights / scale).to(torch.float8_e4m3fn).float() * scale


@needs_torchao
def test_it_computes_as_a_model_whose_weights_were_rounded(
    plain: LanguageModel, quantised: LanguageModel, tiny_llama_path: Path
) -> None:
    assert quantised.dtype_name == "float32"
    assert quantised.weights == f"float32, from weights in {quantised.quantisation}"
    expected = load_model(str(tiny_llama_path), device="cpu", dtype="float32")
    for name, module in expected.model.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            module.weight.data = rounded(module.weight.data, quantised.quantisation)
    sites = [parse_site(info.site) for info in all_sites(plain)]
    assert all_sites(quantised) == all_sites(plain)
    seen, near = observe(quantised, IDS, sites), observe(expected, IDS, sites)
    exact = observe(plain, IDS, sites)
    for site in sites:
        # a weight in the middle of two levels may go to either
        deviation, rounding = ((seen[site] - each[site]).norm() for each in (near, exact))
        assert deviation <= 0.3 * rounding
        assert (rounding > 0) == (str(site) not in ("resid_pre.0",)), site


@needs_torchao
def test_it_is_edited_continued_and_differentiated_like_any_other(
    quantised: LanguageModel,
) -> None:
    site = Site("resid_post", 1)
    plain_logits = logits(quantised, IDS)
    assert torch.equal(logits(quantised, IDS, {site: lambda x, _: x.clone()}), plain_logits)
    (grown,) = generate(quantised, [IDS[0]], 4)
    ids = IDS[:1]
    for _ in range(4):
        ids = torch.cat([ids, logits(quantised, ids)[:, -1:].argmax(-1)], 1)
    assert torch.equal(grown, ids[0])
    found = sensitivity(quantised, IDS[0], site, lambda said: said[-1, 7])
    step = 1e-2 * torch.nn.functional.normalize(found.gradient, dim=None)
    moved = [
        logits(quantised, IDS[:1], {site: lambda x, _, s=sign: x + s * step})[0, -1, 7]
        for sign in (1, -1)
    ]
    expected = 2 * (found.gradient * step).sum()
    torch.testing.assert_close(moved[0] - moved[1], expected, rtol=0.02, atol=1e-6)


@needs_torchao
def test_it_is_told_from_the_plain_model(plain: LanguageModel, quantised: LanguageModel) -> None:
    assert weights_digest(quantised) != weights_digest(plain)
    assert weights_digest(quantised) == weights_digest(dataclasses.replace(quantised))


def test_weights_that_are_quantised_already_are_refused(
    tiny_llama_path: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_llama_path, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "fp8"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"are in fp8 already.*Leave out --quantize"):
        load_model(str(folder), device="cpu", quantize="int8")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU multiplies in fp8")
def test_a_checkpoint_in_fp8_is_read_and_stated(tiny_llama_path: Path, tmp_path: Path) -> None:
    """As DeepSeek's are: blocks of float8 with a factor each, plain numbers again on a CPU."""
    folder = Path(shutil.copytree(tiny_llama_path, tmp_path / "model"))
    stored, expected = {}, {}
    for name, weights in load_file(folder / "model.safetensors").items():
        stored[name] = expected[name] = weights
        if name.endswith("_proj.weight"):
            blocks = weights.unflatten(0, (-1, 16)).unflatten(2, (-1, 16))
            factors = blocks.abs().amax((1, 3), keepdim=True) / 448
            small = (blocks / factors).to(torch.float8_e4m3fn)
            expected[name] = (small.float() * factors).view_as(weights)
            stored[name] = small.view(weights.shape)
            stored[f"{name}_scale_inv"] = factors[:, 0, :, 0].contiguous()
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    about = {"quant_method": "fp8", "weight_block_size": [16, 16], "activation_scheme": "dynamic"}
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": about}))
    lm = load_model(str(folder), device="cpu", dtype="float32")
    assert lm.weights == "float32, from weights in fp8"
    for name, parameter in lm.model.named_parameters():
        torch.testing.assert_close(parameter.data, expected[name], rtol=1e-5, atol=1e-6)


def test_an_unknown_type_and_a_missing_package_are_said(
    tiny_llama_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"'int4' is no type for weights.*int8, fp8"):
        load_model(str(tiny_llama_path), device="cpu", quantize="int4")
    monkeypatch.setattr(quantisation, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"need torchao and accelerate.*brainsurg\[quantize\]"):
        load_model(str(tiny_llama_path), device="cpu", quantize="fp8")


def test_what_was_recorded_is_asked_for_unless_another_is_named() -> None:
    assert quantisation_to_ask_for("auto", "int8") == "int8"
    assert quantisation_to_ask_for("auto", "") == "none"
    assert quantisation_to_ask_for("auto", "Q4_1") == "none"  # its file has them so anyway
    assert quantisation_to_ask_for("none", "int8") == "none"
    assert quantisation_to_ask_for("fp8", "int8") == "fp8"
    assert weights_words("bfloat16", "int8") == "bfloat16, from weights in int8"
    assert weights_words("", "int8") == ""
    said = other_dtype_note("acts", weights_words("bfloat16", "int8"), "bfloat16")
    assert "acts is of the model in bfloat16, from weights in int8, which runs in bfloat16" in said
