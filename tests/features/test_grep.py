"""Precision and recall are what counting match by match on the dense activations gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.features.search import grep
from engine.features.search.grep import PatternEvaluation
from engine.features.text.token_texts import PatternMatches
from tests.features.dense_codes import codes_of, random_dense

LENGTHS = [20, 3, 0, 17]
TOKENS, FEATURES = 40, 9
ENDS = np.cumsum([0, *LENGTHS])

spans = st.lists(st.tuples(st.integers(0, TOKENS - 1), st.integers(1, 4)), max_size=25)


def matches_of(spans: list[tuple[int, int]]) -> PatternMatches:
    """Matches as a text has them: in order, and two of them share one token at most."""
    first, last = [], []
    for begin, length in sorted(spans):
        begin = max([begin, *(end - 1 for end in last[-1:])])  # noqa: PLW2901
        end = min(begin + length, TOKENS)
        if end > begin:
            first.append(begin)
            last.append(end)
    return PatternMatches(np.array(first, np.int64), np.array(last, np.int64))


@settings(max_examples=80, deadline=None)
@given(spans, st.integers(0, 5), st.sampled_from([0.05, 0.5]), st.sampled_from([1, 7, 1000]))
def test_all_features_at_once(
    spans: list[tuple[int, int]], seed: int, share: float, places: int
) -> None:
    dense = random_dense(TOKENS, FEATURES, share, seed)
    matches = matches_of(spans)
    matched = PatternEvaluation(codes_of(dense, LENGTHS), matches)
    inside = np.zeros(TOKENS, bool)
    for first, last in zip(matches.first, matches.last, strict=True):
        inside[first:last] = True
    assert matched.tokens.tolist() == inside.tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grep, "_PLACES", places)
        scores = matched.scores()
    for f in range(FEATURES):
        active = dense[:, f] > 0
        answered = [active[a:b].any() for a, b in zip(matches.first, matches.last, strict=True)]
        precision = (active & inside).sum() / active.sum() if active.any() else 0
        recall = np.mean(answered) if answered else 0
        f1 = 2 / (1 / precision + 1 / recall) if precision and recall else 0
        assert scores.active[f] == active.sum()
        assert scores.precision[f] == pytest.approx(precision)
        assert scores.recall[f] == pytest.approx(recall)
        assert scores.f1[f] == pytest.approx(f1)
    useful = [f for f in range(FEATURES) if scores.f1[f] > 0]
    expected = sorted(useful, key=lambda f: (-scores.f1[f], f))
    assert scores.best(4).tolist() == expected[:4]


@settings(max_examples=80, deadline=None)
@given(spans, st.integers(0, 5), st.sampled_from([1, 2, 100]))
def test_where_one_feature_is_right_and_wrong(
    spans: list[tuple[int, int]], seed: int, most: int
) -> None:
    dense = random_dense(TOKENS, FEATURES, 0.3, seed)
    matches = matches_of(spans)
    answers = PatternEvaluation(codes_of(dense, LENGTHS), matches).examples(2, most)
    acts = dense[:, 2]
    hits, misses, inside = set(), set(), set()
    for first, last in zip(matches.first.tolist(), matches.last.tolist(), strict=True):
        inside |= set(range(first, last))
        if acts[first:last].any():
            hits.add(first + int(acts[first:last].argmax()))
        else:
            misses.add(first)
    alarms = set(acts.nonzero()[0].tolist()) - inside
    for found, expected in (
        (answers.hits, sorted(hits, key=lambda row: -acts[row])),
        (answers.misses, sorted(misses)),
        (answers.false_alarms, sorted(alarms, key=lambda row: -acts[row])),
    ):
        rows = [int(ENDS[place.document]) + place.position for place in found]
        assert [place.value for place in found] == acts[rows].tolist()
        firsts, seen = [], set()
        for row in expected:
            document = int(np.searchsorted(ENDS, row, side="right"))
            if document not in seen:
                firsts.append(row)
            seen.add(document)
        wanted = (firsts + [row for row in expected if row not in firsts])[:most]
        assert rows == [row for row in expected if row in wanted]


def test_nothing_and_everything() -> None:
    dense = random_dense(TOKENS, FEATURES, 0.3)
    codes = codes_of(dense, LENGTHS)
    nothing = PatternEvaluation(codes, matches_of([])).scores()
    assert not nothing.f1.any()
    assert len(nothing.best(5)) == 0
    every = np.arange(TOKENS)
    everything = PatternEvaluation(codes, PatternMatches(every, every + 1)).scores()
    assert everything.precision.tolist() == [1] * (FEATURES - 1) + [0]
    assert everything.recall == pytest.approx((dense > 0).mean(0))
