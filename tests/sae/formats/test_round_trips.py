"""What is written in a library's layout comes back as the same function, whatever it is."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UserError
from engine.sae.config import SAEConfig
from engine.sae.formats.algebra import from_centred, to_centred
from engine.sae.formats.inference import at_inference
from engine.sae.formats.libraries import WRITTEN, check_writable, library, recognise
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.weights import logarithm, weights_of
from tests.sae.formats.made import GROUPS, D, K, X, assert_same, made

ELSEWHERE, AS_WIDE = {"d_out": 9}, {"d_out": D}
SKIPPING = {"skip": True}
NORMED = {"layer_norm": True}
KINDS: dict[str, list[dict[str, Any]]] = {
    "topk": [{}, NORMED, AS_WIDE, AS_WIDE | SKIPPING, ELSEWHERE],
    "batchtopk": [{}, ELSEWHERE | SKIPPING],
    "matryoshka": [{}],
    "jumprelu": [{}, NORMED, ELSEWHERE, ELSEWHERE | SKIPPING],
    "gated": [{}, AS_WIDE],
    "relu": [{}, NORMED, ELSEWHERE, AS_WIDE | SKIPPING],
    "seed-basic": [{}],
}
WRITABLE = {
    "sae_lens": {
        "topk": [{}, NORMED],
        "batchtopk": [{}, ELSEWHERE | SKIPPING],
        "matryoshka": [{}],
        "jumprelu": [{}, NORMED, ELSEWHERE, ELSEWHERE | SKIPPING],
        "gated": [{}],
        "relu": [{}, NORMED, ELSEWHERE, AS_WIDE | SKIPPING],
    },
    "sparsify": {"topk": [{}, AS_WIDE, AS_WIDE | SKIPPING]},
    "dictionary_learning": {
        "topk": [{}],
        "batchtopk": [{}],
        "matryoshka": [{}],
        "jumprelu": [{}],
        "gated": [{}],
        "relu": [{}],
    },
    "gemma_scope": {
        "batchtopk": [{}, ELSEWHERE | SKIPPING],
        "matryoshka": [{}],
        "jumprelu": [{}, ELSEWHERE, ELSEWHERE | SKIPPING],
        "relu": [{}, ELSEWHERE, AS_WIDE | SKIPPING],
    },
    "openai": {"topk": [NORMED], "relu": [{}]},
}
EVERY = [
    (format, architecture, settings)
    for format in WRITTEN
    for architecture, kinds in KINDS.items()
    for settings in kinds
]


@pytest.mark.parametrize(("format", "architecture", "settings"), EVERY)
def test_what_can_be_written_comes_back_and_the_rest_is_refused(
    tmp_path: Path, format: str, architecture: str, settings: dict[str, Any]
) -> None:
    sae = made(architecture, **settings)
    used = at_inference(sae)
    if settings not in WRITABLE[format].get(architecture, []):
        with pytest.raises(UserError):
            check_writable(used.config, format)
        return
    check_writable(used.config, format)
    trained_as = None if used is sae else sae.config
    library(format).write(used, tmp_path, SAEMetadata(trained_as=trained_as))
    found, path = recognise(tmp_path, None)
    assert found == format
    read, _ = library(format).read(path)
    assert_same(read, sae.encode(X), sae(X))
    assert (read.config.d_out, read.config.skip) == (sae.config.d_out, sae.config.skip)
    assert not read(X).requires_grad


@pytest.mark.parametrize("format", ["sae_lens", "dictionary_learning"])
def test_where_it_comes_from_and_what_was_trained_is_kept(tmp_path: Path, format: str) -> None:
    trained = made("matryoshka")
    about = SAEMetadata(model="m", site="mlp_out.3", context=64, trained_as=trained.config)
    library(format).write(at_inference(trained), tmp_path, about)
    _, read = library(format).read(tmp_path)
    assert read == about


def test_thresholds_that_were_changed_since_are_no_longer_one(tmp_path: Path) -> None:
    trained = made("batchtopk")
    used = at_inference(trained)
    used.log_threshold[3] += 1
    about = SAEMetadata(trained_as=trained.config)
    library("dictionary_learning").write(used, tmp_path, about)
    read, told = library("dictionary_learning").read(tmp_path)
    assert told.trained_as is None
    assert_same(read, used.encode(X), used(X))


@pytest.mark.parametrize("architecture", ["jumprelu", "gated", "relu"])
def test_centring_folds_in_and_out(architecture: str) -> None:
    weights = weights_of(made(architecture))
    back = from_centred(to_centred(weights))
    for name, tensor in weights.items():
        torch.testing.assert_close(back[name], tensor, rtol=1e-5, atol=1e-6)


@given(st.floats(-80, 80, width=32))
def test_a_threshold_of_ours_survives_its_logarithm_to_the_bit(log: float) -> None:
    threshold = torch.tensor([log]).exp()
    assert torch.equal(logarithm(threshold).exp(), threshold)


@given(st.floats(2.0**-60, 2.0**60, width=32))
def test_a_threshold_survives_its_logarithm_within_rounding(theta: float) -> None:
    threshold = torch.tensor([theta])
    torch.testing.assert_close(logarithm(threshold).exp(), threshold, rtol=4e-6, atol=0)


def test_at_a_threshold_of_0_or_below_all_above_0_are_active() -> None:
    assert logarithm(torch.tensor([0.0, -0.5])).exp().tolist() == [0, 0]


def test_the_inference_form_keeps_widths_and_skip() -> None:
    sae = made("batchtopk", d_out=9, skip=True)
    assert at_inference(sae).config == SAEConfig(
        architecture="jumprelu", d_in=D, d_sae=sae.config.d_sae, d_out=9, skip=True
    )
    assert sae.config.k == K
    assert sum(GROUPS) == sae.config.d_sae
