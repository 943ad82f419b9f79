"""A real model with an SAE at one of its sites, and the catalogue of its features."""

from pathlib import Path

import msgspec
import pytest
import torch

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.manifest import Manifest
from engine.activations.store.writer import ActivationWriter
from engine.features.catalogue.catalogue import Catalogue
from engine.features.scan.scan import scan
from engine.model.load import load_model
from engine.model.observe import observe
from engine.model.text import encode, vocabulary
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from tests.interventions.bench import SITE, Bench


@pytest.fixture(scope="session")
def bench(
    stories_model_path: Path, stories_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Bench:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("bench")
    lm = load_model(str(stories_model_path), dtype="float32", device="cpu")
    about = Manifest(
        model=lm.source,
        site=str(SITE),
        d_model=lm.d_model,
        dtype="float32",
        bos_token_id=lm.tokenizer.bos_token_id,
    )
    with ActivationWriter(folder / "stories", about, vocabulary(lm)) as writer:
        for text in msgspec.json.decode(stories_path.read_bytes())[:12]:
            ids = encode(lm, text)[:60]
            writer.add(observe(lm, ids[None], [SITE])[SITE][0], ids, text=text)
    config = SAEConfig(architecture="topk", d_in=lm.d_model, d_sae=96, k=6)
    sae = build(config).requires_grad_(False)
    scan(sae, ActivationSet.open(folder / "stories"), folder / "catalogue", lm=lm)
    return Bench(lm, sae, Catalogue.open(folder / "catalogue"))
