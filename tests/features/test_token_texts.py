"""A pattern matches where Python's own `re` finds it in each document alone, token by token."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.text.patterns import TimedPattern, compile_pattern
from engine.features.text.token_texts import PatternMatches, TokenTexts
from engine.progress import Cancelled, Silent
from tests.features.written_tokens import BOS, token_table

VOCABULARY = ["<s>", " a", "b", "ab", " ", "", "é\n", "ba a"]

documents = st.lists(st.lists(st.integers(1, 9), max_size=12), min_size=1, max_size=6)


def texts_of(table: TokenTable, documents: np.ndarray) -> TokenTexts:
    bounds = table.document_bounds
    return TokenTexts.from_rows(table, bounds[documents], bounds[documents + 1])


def expected(documents: list[list[int]], pattern: str) -> list[tuple[int, int]]:
    """The tokens, counted through all documents, from the first to behind the last of a match."""
    found = []
    before = 0
    for ids in documents:
        tokens = ["" if i == BOS else VOCABULARY[i] if i < 8 else f"<{i}>" for i in ids]
        owner = [t for t, token in enumerate(tokens) for _ in token]
        for match in re.finditer(pattern, "".join(tokens)):
            if match.group():
                found.append((before + owner[match.start()], before + owner[match.end() - 1] + 1))
        before += len(ids)
    return found


def as_pairs(matches: PatternMatches) -> list[tuple[int, int]]:
    return list(zip(matches.first.tolist(), matches.last.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    documents,
    st.sampled_from(["a", "a+b", r"\w+", "^ a", "b$", "(?s).*", "b?", r"\s", "<8>", "(?<=b) a"]),
    st.integers(1, 9),
)
def test_matches_lie_in_the_tokens_that_hold_their_characters(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[list[int]],
    pattern: str,
    rows_per_shard: int,
) -> None:
    documents = [[BOS, *ids] for ids in documents]
    table = token_table(
        tmp_path_factory.mktemp("texts") / "set",
        documents,
        VOCABULARY,
        rows_per_shard=rows_per_shard,
    )
    texts = texts_of(table, np.arange(len(documents)))
    assert as_pairs(texts.matches(TimedPattern(compile_pattern(pattern)))) == expected(
        documents, pattern
    )


def test_stretches_far_apart_and_side_by_side(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    ids = generator.integers(1, 8, 20_000)
    table = token_table(tmp_path / "set", [ids.tolist()], VOCABULARY, rows_per_shard=3000)
    first, last = np.array([5, 9, 9, 7000, 19_990]), np.array([9, 9, 12, 7010, 20_000])
    texts = TokenTexts.from_rows(table, first, last)
    wanted = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
    assert texts.rows.tolist() == wanted.tolist()
    assert texts.ids.tolist() == ids[wanted].tolist()
    assert texts.bounds.tolist() == [0, 4, 4, 7, 17, 27]
    assert [texts.text(i) for i in range(len(texts))] == [
        "".join(VOCABULARY[i] for i in ids[a:b]) for a, b in zip(first, last, strict=True)
    ]


def test_no_stretch_at_all(tmp_path: Path) -> None:
    texts = texts_of(token_table(tmp_path / "set", [[1]], VOCABULARY), np.array([], int))
    assert (
        len(texts),
        len(texts.rows),
        len(texts.matches(TimedPattern(compile_pattern(".")))),
    ) == (0, 0, 0)


def test_cases_are_told_apart_unless_they_are_to_be_ignored(tmp_path: Path) -> None:
    texts = texts_of(token_table(tmp_path / "set", [[1, 2]], VOCABULARY), np.array([0]))
    assert len(texts.matches(TimedPattern(compile_pattern("AB")))) == 0
    assert as_pairs(texts.matches(TimedPattern(compile_pattern("AB", ignore_case=True)))) == [
        (0, 2)
    ]


@pytest.mark.parametrize(
    ("pattern", "column"), [("a(b", 4), ("[a", 3), ("*a", 1), ("a)", 2), (r"a\p{nothing}", 13)]
)
def test_a_pattern_that_is_none_says_where(pattern: str, column: int) -> None:
    with pytest.raises(UserError, match=rf"can't be read at column {column}: "):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(" * 20_000, "(?iV0)a(?V1)"])
def test_a_pattern_that_is_none_for_another_reason(pattern: str) -> None:
    with pytest.raises(UserError, match="can't be read"):
        compile_pattern(pattern)


def test_a_pattern_that_would_take_for_ever_is_given_up(tmp_path: Path) -> None:
    table = token_table(tmp_path / "set", [[1] * 200, [1]], [" ", "a"])
    texts = texts_of(table, np.array([0, 1]))
    with pytest.raises(UserError, match=r"\(a\|aa\)\+b took longer than 0\.05 seconds"):
        texts.matches(TimedPattern(compile_pattern("(a|aa)+b"), seconds=0.05))


def test_looking_can_be_given_up_between_two_texts(tmp_path: Path) -> None:
    class Impatient(Silent):
        asked = 0

        def __call__(self, *_: object) -> None:
            self.asked += 1
            if self.asked == 3:
                raise Cancelled

    table = token_table(tmp_path / "set", [[1]] * 5, [" ", "a"])
    texts, progress = texts_of(table, np.arange(5)), Impatient()
    with pytest.raises(Cancelled):
        texts.matches(TimedPattern(compile_pattern("a"), progress=progress))
    assert progress.asked == 3
