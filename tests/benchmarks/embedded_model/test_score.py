"""The concept score against brute force: labels, AUROC, F1, and the halves that keep it honest."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.embedded_model.labels import COLUMN
from benchmarks.embedded_model.score.active import Active, read_active
from benchmarks.embedded_model.score.concepts import Evidence, concept_scores
from benchmarks.embedded_model.score.probe import probe_auroc
from benchmarks.embedded_model.score.separation import auroc, best_f1, f1_at
from benchmarks.embedded_model.score.tokens import tag_tokens
from engine.demo.corpus.concepts import CONCEPTS
from engine.demo.corpus.generate import documents
from engine.model.load import LanguageModel, load_model
from engine.model.observe import observe
from engine.model.site import parse_site
from engine.progress import SILENT
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.architectures.registry import build
from engine.sae.config import SAEConfig

SITE = parse_site("resid_post.2")


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    torch.set_num_threads(1)
    return load_model("demo", device="cpu")


def random_sae(lm: LanguageModel) -> SparseAutoencoder:
    config = SAEConfig(architecture="topk", d_in=lm.d_model, d_sae=48, k=6)
    return build(config, 0).requires_grad_(False)


def active_of(values: np.ndarray) -> Active:
    """From a table [tokens, features] in which 0 is silent."""
    tokens, features = values.nonzero()
    return Active.of(
        features,
        tokens,
        values[tokens, features].astype(np.float32),
        n_features=values.shape[1],
        n_tokens=len(values),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Activations [tokens, 3] full of ties and silence, and labels [tokens, 2] of both kinds."""
    tokens = draw(st.integers(2, 12))
    row = st.lists(st.integers(0, 3), min_size=3, max_size=3)
    values = np.array(draw(st.lists(row, min_size=tokens, max_size=tokens)))
    label = st.lists(st.booleans(), min_size=2, max_size=2)
    labels = np.array(draw(st.lists(label, min_size=tokens, max_size=tokens)))
    labels[0], labels[1] = True, False
    return values, labels


@settings(deadline=None)
@given(cases())
def test_auroc_is_the_chance_to_rank_a_pair_rightly(case: tuple[np.ndarray, np.ndarray]) -> None:
    values, labels = case
    table = auroc(active_of(values), labels)
    for feature, concept in itertools.product(range(3), range(2)):
        with_it = values[labels[:, concept], feature]
        without = values[~labels[:, concept], feature]
        pairs = [(a > b) + (a == b) / 2 for a in with_it for b in without]
        assert table[feature, concept] == pytest.approx(np.mean(pairs))


@settings(deadline=None)
@given(cases())
def test_the_best_threshold_is_the_best_of_all(case: tuple[np.ndarray, np.ndarray]) -> None:
    values, labels = case
    active = active_of(values)
    f1, threshold = best_f1(active, labels)
    for feature, concept in itertools.product(range(3), range(2)):
        carries = labels[:, concept]
        scores = [0.0]
        for limit in set(values[:, feature].tolist()) - {0}:
            said = values[:, feature] >= limit
            scores.append(2 * (said & carries).sum() / (said.sum() + carries.sum()))
        assert f1[feature, concept] == pytest.approx(max(scores))
        again = f1_at(active, carries, feature, float(threshold[feature, concept]))
        assert again == pytest.approx(max(scores))


def test_a_token_carries_what_its_characters_mean(lm: LanguageModel) -> None:
    written = list(itertools.islice(documents(1, held_out=True), 30))
    names = list(CONCEPTS)
    seen = set()
    for document, tagged in zip(written, tag_tokens(lm, written), strict=True):
        offsets = lm.tokenizer(document.text, return_offsets_mapping=True)["offset_mapping"][1:]
        assert len(tagged.token_ids) == len(tagged.labels) + 1
        for (start, end), row in zip(offsets, tagged.labels, strict=False):
            text = document.text[start:end]
            first = start if text.isspace() else end - len(text.lstrip())
            expected = {s.concept for s in document.spans if s.start < end and first < s.end}
            assert {names[column] for column in row.nonzero()[0]} == expected
            seen |= expected
    assert {"story", "person", "opening", "prose"} <= seen


def test_documents_are_read_as_if_each_were_alone(lm: LanguageModel) -> None:
    sae = random_sae(lm)
    tagged = tag_tokens(lm, itertools.islice(documents(1), 5))
    x, active = read_active(lm, sae, SITE, [one.token_ids for one in tagged], SILENT)
    alone = torch.cat(
        [observe(lm, one.token_ids[None], [SITE])[SITE][0, 1:].float() for one in tagged]
    )
    torch.testing.assert_close(x, alone, rtol=0.05, atol=0.5)  # bf16: padding changes kernels
    table = np.zeros((len(x), 48), dtype=np.float32)
    table[active.tokens, active.features] = active.values
    np.testing.assert_allclose(table, sae.encode(x).numpy(), atol=1e-4)
    assert active.maxima() == pytest.approx(table.max(axis=0))
    assert (active.counts == (table > 0).sum(axis=0)).all()


def test_what_was_chosen_on_one_half_is_measured_on_the_other() -> None:
    rng = np.random.default_rng(0)
    choosing = np.arange(200) < 100
    labels = np.zeros((200, len(COLUMN)), dtype=bool)
    truth, fooled = COLUMN["story"], COLUMN["joke"]
    labels[:, [truth, fooled]] = rng.random((200, 2)) < 0.3
    values = np.zeros((200, 3))
    values[labels[:, truth], 0] = 2.0
    values[labels[:, fooled] & choosing, 1] = 3.0  # right on the half that chooses, and only there
    values[:, 2] = rng.random(200)
    x = torch.from_numpy(rng.standard_normal((200, 4)))
    scores, unseen = concept_scores(Evidence(labels, choosing, x, active_of(values)))
    story, joke = scores
    assert (story.concept, story.f1_feature, story.f1, story.auroc) == ("story", 0, 1.0, 1.0)
    assert (joke.concept, joke.f1_feature, joke.f1, joke.auroc) == ("joke", 1, 0.0, 0.5)
    assert set(unseen) == CONCEPTS.keys() - {"story", "joke"}


def test_a_probe_finds_a_direction_and_nothing_in_noise() -> None:
    torch.manual_seed(0)
    x = torch.randn(4000, 6)
    labels = torch.stack([x[:, 0] + x[:, 1] > 1, torch.rand(4000) > 0.5], dim=1).numpy()
    found, noise = probe_auroc(x[:2000], labels[:2000], x[2000:], labels[2000:])
    assert found > 0.99
    assert noise == pytest.approx(0.5, abs=0.05)
