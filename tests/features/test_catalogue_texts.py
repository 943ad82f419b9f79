"""All features searched at once: what searching each example by itself finds."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.catalogue import (
    Catalogue,
    CatalogueManifest,
    write_catalogue_manifest,
)
from engine.features.text import catalogue_texts
from engine.features.text.catalogue_texts import CatalogueTexts
from engine.features.text.patterns import TimedPattern, compile_pattern
from tests.features.written_tokens import BOS, token_table

VOCABULARY = ["<s>", " the", " ci", "ties", "ty", ",", " a", "A", "\n", "é", " don", "'t", "  "]
Place = tuple[int, int]


def looking_for(pattern: str) -> TimedPattern:
    return TimedPattern(compile_pattern(pattern, ignore_case=True))


def catalogue(folder: Path, examples: Sequence[Sequence[Place]], *, radius: int = 2) -> Catalogue:
    """One of which only the places of examples are written: for each feature, (document, position)
    pairs, to which free places are added at random."""
    top_k = max(map(len, examples), default=0) + 1
    kept = np.full((2, len(examples), top_k), -1, dtype=np.int32)
    for feature, places in enumerate(examples):
        slots = np.random.default_rng(feature).permutation(top_k)[: len(places)]
        kept[:, feature, slots] = np.array(places, dtype=np.int32).reshape(-1, 2).T
    (folder / "examples").mkdir(parents=True)
    np.save(folder / "examples" / "document.npy", kept[0])
    np.save(folder / "examples" / "position.npy", kept[1])
    manifest = CatalogueManifest(
        activations="stories",
        model="m",
        site="resid_post.0",
        features=len(examples),
        alive=len(examples),
        tokens=1,
        total_tokens=1,
        documents=1,
        active_threshold=0.0,
        top_k=top_k,
        radius=radius,
        categories=[],
        complete=True,
    )
    write_catalogue_manifest(folder, manifest)
    return Catalogue.open(folder)


def windows(table: TokenTable, places: Sequence[Place], radius: int) -> list[str]:
    found = [table.window(d, at, before=radius, after=radius) for d, at in places]
    return ["".join(t for i, t in zip(w.ids, w.tokens, strict=True) if i != BOS) for w in found]


def words(table: TokenTable, documents: list[list[int]], place: Place, radius: int) -> list[str]:
    """The token at a place, and the word that its first letter or digit is in."""
    document, position = place
    ids = documents[document]
    token = "" if ids[position] == BOS else VOCABULARY[ids[position]]
    window = table.window(document, position, before=1000, after=1000)
    before = windows(table, [place], 1000)[0]
    start = sum(len(VOCABULARY[i]) for i in ids[window.first : position] if i != BOS)
    for run in re.finditer(r"[^\W_]+", before):
        if run.end() > start and run.start() < start + len(token):
            return [token, token.strip(), run.group()]
    return [token, token.strip()]


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[list[int]], list[list[Place]], int | None]:
    """Documents, the examples of some features, and a context."""
    document = st.lists(st.integers(1, len(VOCABULARY) - 1), min_size=1, max_size=14)
    documents = [[BOS, *ids] for ids in draw(st.lists(document, min_size=1, max_size=5))]
    places = [(d, at) for d, ids in enumerate(documents) for at in range(1, len(ids))]
    features = draw(st.lists(st.lists(st.sampled_from(places), max_size=3), max_size=6))
    return documents, features, draw(st.sampled_from([None, 4, 5]))


patterns = st.sampled_from(
    ["city", "ci.*a", "a.*?t", "t[iy]", " {2,}", "é|don't", "(?s)a.*a", "a*", "the ci", r"\s", "zz"]
)


@settings(max_examples=80, deadline=None)
@given(corpora(), patterns, st.integers(0, 3), st.sampled_from([1, 7, 1000]))
def test_snippets_match_as_each_example_by_itself_does(
    tmp_path_factory: pytest.TempPathFactory,
    corpus: tuple[list[list[int]], list[list[Place]], int | None],
    pattern: str,
    radius: int,
    at_once: int,
) -> None:
    documents, features, context = corpus
    folder = tmp_path_factory.mktemp("search")
    table = token_table(folder / "set", documents, VOCABULARY, context=context)
    found = catalogue(folder / "catalogue", features, radius=radius)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue_texts, "AT_ONCE", at_once)
        mask = CatalogueTexts(found, table).snippet(looking_for(pattern))
    assert mask.tolist() == [
        any(re.search(pattern, text, re.IGNORECASE) for text in windows(table, places, radius))
        for places in features
    ]


@settings(max_examples=80, deadline=None)
@given(corpora(), st.sampled_from(["^cit", "^city$", "ties$", "^don$", "^ ci", "^a", ",", "^$"]))
def test_peaks_match_by_their_token_or_the_word_it_is_in(
    tmp_path_factory: pytest.TempPathFactory,
    corpus: tuple[list[list[int]], list[list[Place]], int | None],
    pattern: str,
) -> None:
    documents, features, context = corpus
    folder = tmp_path_factory.mktemp("search")
    table = token_table(folder / "set", documents, VOCABULARY, context=context)
    texts = CatalogueTexts(catalogue(folder / "catalogue", features, radius=20), table)
    mask = texts.peak(looking_for(pattern))
    assert mask.tolist() == [
        any(
            re.search(pattern, text, re.IGNORECASE)
            for place in places
            for text in words(table, documents, place, 20)
        )
        for places in features
    ]


def test_tokens_that_a_feature_moves(tmp_path: Path) -> None:
    found = catalogue(tmp_path / "catalogue", [[], [], []])
    texts = CatalogueTexts(found, None)
    with pytest.raises(UserError, match="which tokens are promoted"):
        texts.promoted(looking_for("ci"))
    (found.folder / "tokens").mkdir()
    (found.folder / "tokens" / "vocabulary.json").write_bytes(msgspec.json.encode(VOCABULARY))
    np.save(found.folder / "tokens" / "promoted.npy", np.array([[1, 2], [3, 4], [5, 2]], np.int32))
    np.save(found.folder / "tokens" / "suppressed.npy", np.array([[2], [9], [1]], np.int32))
    assert texts.promoted(looking_for("^ci$")).tolist() == [True, False, True]
    assert texts.promoted(looking_for("ti|^,")).tolist() == [False, True, True]
    assert texts.suppressed(looking_for("^ the")).tolist() == [False, False, True]


def test_without_the_set_there_is_a_sentence(tmp_path: Path) -> None:
    texts = CatalogueTexts(catalogue(tmp_path / "catalogue", [[(0, 1)]]), None)
    for question in (texts.snippet, texts.peak):
        with pytest.raises(UserError, match="'stories' was deleted"):
            question(looking_for("a"))


@pytest.mark.parametrize("place", [(1, 1), (0, 3)])
def test_another_set_of_that_name_is_no_crash(tmp_path: Path, place: Place) -> None:
    table = token_table(tmp_path / "set", [[BOS, 1, 2]], VOCABULARY)
    texts = CatalogueTexts(catalogue(tmp_path / "catalogue", [[place]]), table)
    with pytest.raises(UserError, match=r"not the one that was scanned\. Scan the SAE again"):
        texts.snippet(looking_for("a"))
