"""The causal half of the concept score, and the command."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks.embedded_model.reading.classify import kind_of
from benchmarks.embedded_model.score import clamping
from benchmarks.embedded_model.score.__main__ import score
from benchmarks.embedded_model.score.clamping import (
    Trial,
    kinds_of_continuations,
    neutral_prompts,
)
from engine.errors import UserError
from engine.interventions.delta import ResolvedEdit
from engine.interventions.steering import PositionMask, Steering
from engine.model.edit import reading_edits
from engine.model.generate import generate
from engine.model.load import LanguageModel, load_model
from engine.model.site import parse_site
from engine.model.text import decode, encode
from engine.progress import SILENT
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.store import save_sae

SITE = parse_site("resid_post.2")


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    torch.set_num_threads(1)
    return load_model("demo", device="cpu")


@pytest.fixture(scope="module")
def sae(lm: LanguageModel) -> SparseAutoencoder:
    config = SAEConfig(architecture="topk", d_in=lm.d_model, d_sae=48, k=6)
    return build(config, 0).requires_grad_(False)


def test_neutral_prompts_are_distinct_paragraphs_of_prose() -> None:
    prompts = neutral_prompts(6)
    assert len(set(prompts)) == 6
    assert all(p.endswith(".\n\n") and kind_of(p) == "prose" for p in prompts)


def test_a_trial_is_judged_by_what_the_edited_model_writes(
    lm: LanguageModel, sae: SparseAutoencoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clamping, "NEW_TOKENS", 24)
    prompts = ["Tell me a joke about a goose.\n", "What is the capital of Italy?\n"]
    push = ResolvedEdit(3, "clamp", 200.0)
    trials = [Trial(prompts[0], None), Trial(prompts[1], push), Trial(prompts[1], None)]
    kinds = kinds_of_continuations(lm, sae, SITE, trials, SILENT)
    mask = PositionMask(0, None, frozenset((0,)))
    for trial, kind in zip(trials, kinds, strict=True):
        ids = encode(lm, trial.prompt)
        steering = Steering(sae, [[trial.change] if trial.change else []], [mask])
        edits = reading_edits(SITE, SITE, steering)
        (grown,) = generate(lm, [ids], 24, edits_of=lambda _: edits)  # noqa: B023
        text = trial.prompt + decode(lm, grown[len(ids) :])
        assert kind == kind_of(text, len(trial.prompt))
    assert kinds[2] == "question"


def test_the_command_scores_a_saved_sae(
    lm: LanguageModel,
    sae: SparseAutoencoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(clamping, "NEW_TOKENS", 4)
    save_sae(sae, tmp_path / "sae", SAEMetadata(model="demo", site=str(SITE)))
    score(sae=tmp_path / "sae", documents=30, prompts=2, json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["site"], told["d_sae"], told["k"]) == (str(SITE), 48, 6)
    assert len(told["concepts"]) + len(told["unseen"]) >= 60
    assert len(told["effects"]) == 7
    for effect in told["effects"]:
        shares = [effect[name] for name in ("turned", "random_turned", "unedited")]
        assert all(value in (0, 0.5, 1) for value in shares)
        assert effect["random_features"] == 2
    score(sae=tmp_path / "sae", documents=30, prompts=0)
    shown = capsys.readouterr().out
    assert "recovered at F1 ≥ 0.8" in shown
    assert f"{told['tokens']:,} tokens" in shown


def test_the_command_trains_an_sae_when_it_is_given_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    score(train_documents=12, width=32, k=4, train_tokens=2000, documents=8, prompts=0, json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["architecture"], told["d_sae"], told["k"]) == ("matryoshka", 32, 4)
    assert told["trained_tokens"] >= 2000


def test_one_document_can_not_be_halved() -> None:
    with pytest.raises(UserError, match="two documents"):
        score(documents=1)


def test_an_sae_that_can_not_be_scored_is_named(sae: SparseAutoencoder, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no autoencoder"):
        score(sae=tmp_path)
    save_sae(sae, tmp_path / "sae", SAEMetadata())
    with pytest.raises(UserError, match="which model and site"):
        score(sae=tmp_path / "sae")
