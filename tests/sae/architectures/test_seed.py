"""The study's two autoencoders, against numpy, and one against the other."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.activations.batches.stored import split_documents
from engine.activations.capture.prompts import capture_prompts
from engine.activations.store.activation_set import ActivationSet
from engine.model.load import load_model
from engine.model.prompt import Prompt
from engine.model.site import parse_site
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.evaluation.reconstruction import evaluate
from engine.sae.evaluation.vectors import StoredVectors
from engine.sae.recipes import recipe
from engine.sae.training.loop import train

BOTH = ("seed-basic", "seed-optimised")
PROMPTS = (
    "Once upon a time in a distant land",
    "What is the capital of France?",
    "Write a Python function to reverse a string.",
    "Alice: Hi Bob! How are you?",
    "The theory of relativity explains...",
    "Tell me a joke that would make even a robot laugh.",
    "If we were both code, I'd say you're the syntax to my logic.",
)


def initialised(architecture: str, x: torch.Tensor) -> SparseAutoencoder:
    sae = build(SAEConfig(architecture=architecture, d_in=x.shape[1], d_sae=17), seed=3)
    sae.initialise(x, x)
    return sae.requires_grad_(False)


@pytest.mark.parametrize("architecture", BOTH)
def test_encode_and_decode_are_the_formula(architecture: str) -> None:
    x = torch.randn(40, 6) * torch.tensor([1, 2, 3, 4, 5, 60]) + 7
    sae = initialised(architecture, x)
    w = {name: t.double().numpy() for name, t in sae.state_dict().items()}
    z = x.double().numpy()
    if architecture == "seed-optimised":
        z = (z - z.mean(0)) / z.std(0)
    z = (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True) + 1e-5)
    z = z * w["input_norm.weight"] + w["input_norm.bias"]
    hidden = z @ w["encoder.0.weight"].T + w["encoder.0.bias"]
    codes = np.where(hidden > 0, hidden, 0.1 * hidden) @ w["encoder.2.weight"].T
    codes += w["encoder.2.bias"]
    out = codes @ w["decoder.weight"].T + w["decoder.bias"]
    if architecture == "seed-optimised":
        out = out * x.double().numpy().std(0) + x.double().numpy().mean(0)
    np.testing.assert_allclose(sae.encode(x), codes, atol=1e-4)
    np.testing.assert_allclose(sae(x), out, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", BOTH)
def test_a_feature_writes_its_direction_in_raw_units(architecture: str) -> None:
    x = torch.randn(40, 6) * 9 + 7
    sae = initialised(architecture, x)
    codes = sae.encode(x)
    more = codes.clone()
    more[:, 5] += 2.5
    shift = sae.decode(more) - sae.decode(codes)
    torch.testing.assert_close(shift, (2.5 * sae.W_dec[5]).expand(40, 6), atol=1e-5, rtol=1e-4)


@pytest.fixture(scope="module")
def seven_prompts(
    stories_model_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> ActivationSet:
    """The study's setting on a small model: seven prompts with their continuations."""
    torch.set_num_threads(1)
    folder, site = tmp_path_factory.mktemp("seed") / "prompts", parse_site("resid_post.3")
    lm = load_model(str(stories_model_path), dtype="float32", device="cpu")
    capture_prompts(lm, [Prompt(prompt=p) for p in PROMPTS], [site], [folder], generate=22)
    return ActivationSet.open(folder)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_optimised_one_reconstructs_clearly_better(
    seven_prompts: ActivationSet, seed: int
) -> None:
    rows, _ = split_documents(seven_prompts, 0.0, seed)
    figures = {}
    for architecture in BOTH:
        config, training = recipe(architecture, 64, len(seven_prompts), width=256, seed=seed)
        sae = train(config, training, seven_prompts).sae
        figures[architecture] = evaluate(sae, StoredVectors(seven_prompts, rows)).metrics
    basic, optimised = (figures[name] for name in BOTH)
    assert optimised.mse < 0.7 * basic.mse
    assert optimised.fvu < 0.7 * basic.fvu
    assert basic.active_threshold == optimised.active_threshold > 0
