"""Promoted and suppressed tokens against looking at every feature on its own."""

from pathlib import Path

import pytest
import torch

from engine.features.catalogue.catalogue import (
    Catalogue,
    CatalogueManifest,
    write_catalogue_manifest,
)
from engine.features.scan import token_effects
from engine.model.load import LanguageModel, load_model
from engine.model.text import vocabulary
from engine.model.unembed import logit_effects
from engine.progress import SILENT, Silent

FEATURES = 7


@pytest.fixture(scope="module")
def lm(tiny_llama_path: Path) -> LanguageModel:
    torch.set_num_threads(1)
    return load_model(str(tiny_llama_path), dtype="float32", device="cpu")


@pytest.fixture
def W_dec(lm: LanguageModel) -> torch.Tensor:  # noqa: N802
    return torch.randn(FEATURES, lm.d_model, generator=torch.Generator().manual_seed(0))


class Notes(Silent):
    """Progress that remembers what it was told to say."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def written(folder: Path) -> Catalogue:
    manifest = CatalogueManifest(
        activations="stories",
        model="",
        site="",
        features=FEATURES,
        alive=FEATURES,
        tokens=1,
        documents=1,
        active_threshold=0.0,
        top_k=1,
        radius=1,
        categories=[],
        total_tokens=10,
        complete=True,
    )
    write_catalogue_manifest(folder, manifest)
    return Catalogue.open(folder)


@pytest.mark.parametrize("at_once", [1, 600, 1 << 26])
def test_each_feature_has_the_tokens_that_it_moves_most(
    lm: LanguageModel,
    W_dec: torch.Tensor,
    at_once: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(token_effects, "EFFECTS_AT_ONCE", at_once)
    token_effects.write_token_effects(lm, W_dec, tmp_path / "tokens", SILENT)
    catalogue = written(tmp_path)
    words = vocabulary(lm)
    for feature in range(FEATURES):
        (effects,) = logit_effects(lm, W_dec[feature][None]).tolist()
        ranked = sorted(range(lm.vocab_size), key=lambda token: -effects[token])
        assert catalogue.promoted(feature) == [words[token] for token in ranked[:10]]
        assert catalogue.suppressed(feature) == [words[token] for token in ranked[:-11:-1]]


def test_a_model_without_a_direct_path_gets_a_note(
    lm: LanguageModel, W_dec: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lm.model, "get_output_embeddings", lambda: None)
    notes = Notes()
    token_effects.write_token_effects(lm, W_dec, tmp_path / "tokens", notes)
    assert len(notes.said) == 1
    assert "unembedding" in notes.said[0]
    assert written(tmp_path).promoted(0) == []
