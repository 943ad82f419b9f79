"""The default recipe on a real model's activations: a small corpus, a narrow autoencoder."""

import json
from pathlib import Path

import torch

from engine.activations.capture.documents import capture_documents
from engine.activations.store.activation_set import ActivationSet
from engine.model.load import load_model
from engine.model.site import parse_site
from engine.sae.evaluation.reconstruction import evaluate
from engine.sae.evaluation.vectors import StoredVectors
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import load_sae, save_sae
from engine.sae.recipes import recipe
from engine.sae.training.loop import train


def test_held_out_stories_are_explained(
    stories_model_path: Path, stories_path: Path, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    lm = load_model(str(stories_model_path), dtype="float32", device="cpu")
    stories, site = json.loads(stories_path.read_text())[:60], parse_site("resid_post.3")
    capture_documents(lm, stories, [site], [tmp_path / "acts"], origin="stories", context=512)
    acts = ActivationSet.open(tmp_path / "acts")
    config, training = recipe("topk", 64, len(acts), width=256, k=16, tokens=150_000)
    trained = train(config, training, acts)
    save_sae(trained.sae, tmp_path / "sae", SAEMetadata())
    sae, _ = load_sae(tmp_path / "sae")
    metrics = evaluate(sae, StoredVectors(acts, trained.held_rows)).metrics
    assert metrics.vectors == len(trained.held_rows) > 2_000
    assert metrics.explained_variance > 0.8
    assert metrics.dead_fraction < 0.02
    assert 15 < metrics.l0 <= 16
