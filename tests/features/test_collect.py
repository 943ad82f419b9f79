"""What the scan's collectors say of a few rows is what counting by hand says.

Activations are small whole numbers, so that equal ones are common; rows come in parts that cut
through documents, and what was collected is saved and taken up again at every cut.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.features.catalogue.bins import bin_edges
from engine.features.catalogue.codes import Codes
from engine.features.scan.collect.codes import stretch_of
from engine.features.scan.collect.collection import SAMPLED, Collectors
from engine.features.scan.collect.hashing import stretch_ranks
from engine.features.scan.collect.rows import SparseRows

FEATURES, RADIUS, STRETCH = 3, 2, 4

quick = settings(max_examples=60, deadline=None)


@dataclass
class Text:
    """A small activation set: acts [rows][features], and whose each row is."""

    acts: list[list[int]]
    lengths: list[int]
    cuts: list[int]
    categories: list[int]
    counted: list[bool]

    @property
    def places(self) -> list[tuple[int, int]]:
        """(document, position) of every row."""
        return [(doc, pos) for doc, n in enumerate(self.lengths) for pos in range(n)]

    def active(self, feature: int) -> list[tuple[int, int, int]]:
        """(document, position, value) wherever a feature is active."""
        values = zip(self.places, self.acts, self.counted, strict=True)
        return [
            (*place, row[feature]) for place, row, counted in values if counted and row[feature] > 0
        ]

    def rows(self) -> SparseRows:
        acts = np.array(self.acts, np.float32).reshape(-1, FEATURES)
        acts = acts * np.array(self.counted)[:, None]
        places = np.array(self.places, np.int32)
        counts = (acts > 0).sum(1)
        return SparseRows(
            documents=places[:, 0],
            positions=places[:, 1],
            counted=np.array(self.counted),
            offsets=np.concatenate([[0], counts.cumsum()]),
            features=np.nonzero(acts)[1].astype(np.int32),
            values=acts[acts > 0],
        )

    def parts(self) -> list[SparseRows]:
        rows = self.rows()
        bounds = sorted({0, *self.cuts, len(rows)})
        numbers = np.arange(len(rows))
        return [rows.select((numbers >= a) & (numbers < b)) for a, b in itertools.pairwise(bounds)]


@st.composite
def texts(draw: st.DrawFn) -> Text:
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=7))
    n = sum(lengths)
    row = st.lists(st.integers(0, 3), min_size=FEATURES, max_size=FEATURES)
    return Text(
        acts=draw(st.lists(row, min_size=n, max_size=n)),
        lengths=lengths,
        cuts=draw(st.lists(st.integers(1, n), max_size=4)),
        categories=draw(st.lists(st.integers(-1, 2), min_size=len(lengths), max_size=len(lengths))),
        counted=draw(st.lists(st.booleans(), min_size=n, max_size=n)),
    )


def new_collection(text: Text, k: int = 3, room: int = 1 << 20) -> Collectors:
    return Collectors(
        FEATURES,
        top_k=k,
        radius=RADIUS,
        category_of=np.array(text.categories),
        categories=3,
        seed=5,
        room=room,
        stretch=STRETCH,
    )


def collect(text: Text, k: int = 3, room: int = 1 << 20) -> Collectors:
    """All parts taken in, by another collection each, which goes on with what the last one held."""
    collection = new_collection(text, k, room)
    for part in text.parts():
        held = {path: array.copy() for path, array in collection.state().items()}
        collection = new_collection(text, k, room)
        collection.restore(held)
        collection.add(part)
    collection.examples.finish()
    return collection


@quick
@given(texts())
def test_columns_and_histogram(text: Text) -> None:
    collection = collect(text)
    shown = collection.catalogue_arrays()
    assert collection.moments.tokens == sum(text.counted)
    for feature in range(FEATURES):
        active = text.active(feature)
        values = [value for _, _, value in active]
        column = {
            path.removeprefix("columns/"): array[feature]
            for path, array in shown.items()
            if path.startswith("columns/")
        }
        assert column["count"] == len(values)
        assert column["max"] == max(values, default=0)
        assert column["documents"] == len({document for document, _, _ in active})
        assert column["density"] == pytest.approx(len(values) / max(1, sum(text.counted)))
        assert column["mean"] == pytest.approx(np.mean(values) if values else 0)
        assert column["std"] == pytest.approx(np.std(values) if values else 0, abs=1e-6)
        expected, _ = np.histogram(values, bin_edges())
        assert shown["histogram"][feature].tolist() == expected.tolist()


@quick
@given(texts())
def test_activity_and_selectivity_are_those_of_the_categories(text: Text) -> None:
    shown = collect(text).catalogue_arrays()
    documents = [document for document, _ in text.places]
    for feature in range(FEATURES):
        means = []
        for wanted in range(3):
            values = [
                row[feature]
                for row, document, counted in zip(text.acts, documents, text.counted, strict=True)
                if counted and text.categories[document] == wanted
            ]
            means.append(np.mean(values) if values else 0.0)
            density = np.mean([value > 0 for value in values]) if values else 0.0
            assert shown["categories/mean"][wanted, feature] == pytest.approx(means[-1])
            assert shown["categories/density"][wanted, feature] == pytest.approx(density)
        selectivity = shown["columns/selectivity"][feature]
        category = shown["columns/category"][feature]
        highest = max(means)
        if highest == 0:
            assert (selectivity, category) == (0, -1)
            continue
        rest = (sum(means) - highest) / 2
        assert selectivity == pytest.approx((highest - rest) / (highest + rest))
        assert means[category] == pytest.approx(highest)


@quick
@given(texts(), st.integers(1, 4))
def test_examples_are_the_strongest_of_distinct_documents_with_their_surroundings(
    text: Text, k: int
) -> None:
    shown = collect(text, k).catalogue_arrays()
    acts = np.array(text.acts) * np.array(text.counted)[:, None]
    at = dict(zip(text.places, acts, strict=True))
    for feature in range(FEATURES):
        best: dict[int, tuple[int, int]] = {}
        for document, position, value in text.active(feature):
            if value > best.get(document, (0, 0))[0]:
                best[document] = (value, position)
        expected = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))[:k]
        kept = shown["examples/document"][feature] >= 0
        found = {
            document: (value, position, window)
            for document, value, position, window in zip(
                *(
                    shown[f"examples/{name}"][feature][kept].tolist()
                    for name in ("document", "value", "position", "window")
                ),
                strict=True,
            )
        }
        assert {document: pair[:2] for document, pair in found.items()} == dict(expected)
        for document, (_, position, window) in found.items():
            around = [
                at[document, position + step][feature] if (document, position + step) in at else 0
                for step in range(-RADIUS, RADIUS + 1)
            ]
            assert window == around


def mixed(x: int) -> int:
    """SplitMix64's output function, of an integer of 64 bits."""
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
    return x ^ (x >> 31)


@pytest.mark.parametrize("cuts", [[], [100, 1000, 1001]])
def test_the_sample_is_the_first_active_tokens_of_a_random_order(cuts: list[int]) -> None:
    numbers = np.random.default_rng(0)
    lengths = [50] * 60
    n = sum(lengths)
    text = Text(
        acts=numbers.integers(0, 3, (n, FEATURES)).tolist(),
        lengths=lengths,
        cuts=cuts,
        categories=[0] * 60,
        counted=(numbers.random(n) < 0.9).tolist(),
    )
    shown = collect(text).catalogue_arrays()
    for feature in range(FEATURES):
        active = text.active(feature)
        assert len(active) > 3 * SAMPLED
        ranked = sorted(active, key=lambda at: mixed(mixed(5 ^ at[0]) ^ at[1]))
        found = zip(
            shown["sample/document"][feature].tolist(),
            shown["sample/position"][feature].tolist(),
            shown["sample/value"][feature].tolist(),
            strict=True,
        )
        assert set(found) == set(ranked[:SAMPLED])


def test_the_random_order_favours_nobody() -> None:
    ranks = [mixed(mixed(7 ^ document) ^ at) for document in range(100) for at in range(100)]
    shares = np.array(ranks, np.float64) / 2**64
    assert len(set(ranks)) == len(ranks)
    counts, _ = np.histogram(shares, 20, (0, 1))
    expected = len(ranks) / 20
    assert ((counts - expected) ** 2 / expected).sum() < 43.8  # χ² of 19 degrees, p = 0.001
    places = np.repeat(np.arange(100), 100), np.tile(np.arange(100), 100)
    assert all(abs(np.corrcoef(shares, place)[0, 1]) < 0.04 for place in places)


@quick
@given(texts(), st.sampled_from([4, 10, 30, 1000]))
def test_codes_are_those_of_as_many_stretches_as_there_is_room_for(text: Text, room: int) -> None:
    finished = collect(text, room=room).codes.code_arrays()
    codes = Codes(**{path.removeprefix("codes/"): array for path, array in finished.items()})
    acts = np.array(text.acts) * np.array(text.counted)[:, None]
    places = np.array(text.places)
    stretches = np.unique(places // [1, STRETCH], axis=0)
    ranks = stretch_ranks(5, *stretches.T)
    kept = list(zip(codes.documents.tolist(), codes.firsts.tolist(), strict=True))
    is_kept = np.array([(doc, number * STRETCH) in kept for doc, number in stretches.tolist()])
    assert is_kept.sum() == len(kept)
    assert codes.tokens + len(codes.features) <= room
    if is_kept.any() and not is_kept.all():
        assert ranks[is_kept].max() < ranks[~is_kept].min()
    assert is_kept.all() or len(acts) + (acts > 0).sum() > room
    here = np.array([(doc, pos - pos % STRETCH) in kept for doc, pos in text.places], np.bool_)
    dense = acts[here]
    assert codes.tokens == len(dense)
    for row, expected in enumerate(dense):
        entries, _ = codes.entries_of(np.array([row]))
        assert codes.features[entries].tolist() == np.flatnonzero(expected).tolist()
    for feature in range(FEATURES):
        rows, values = codes.active(feature)
        assert rows.tolist() == np.flatnonzero(dense[:, feature]).tolist()
        assert values.tolist() == dense[rows, feature].tolist()
        assert codes.activations(feature, 0, len(dense)).tolist() == dense[:, feature].tolist()
    found = np.stack(codes.places(np.arange(codes.tokens)), 1)
    assert found.tolist() == places[here].tolist()
    row_of = {place: row for row, place in enumerate(map(tuple, found.tolist()))}
    for document, length in enumerate(text.lengths):
        for first, last in itertools.combinations(range(length + 1), 2):
            wanted = [row_of.get((document, position)) for position in range(first, last)]
            rows_of = codes.rows_of(document, first, last)
            assert (None if None in wanted else wanted) == (rows_of and list(rows_of))


def test_of_a_document_that_is_too_long_for_the_room_some_stretches_are_kept() -> None:
    n = 100
    text = Text([[1, 0, 2]] * n, [n], cuts=[30, 50], categories=[0], counted=[True] * n)
    finished = collect(text, room=n).codes.code_arrays()
    codes = Codes(**{path.removeprefix("codes/"): array for path, array in finished.items()})
    assert 0 < codes.tokens < n
    assert set(codes.documents.tolist()) == {0}
    assert np.diff(codes.bounds).tolist() == [STRETCH] * len(codes.firsts)


@pytest.mark.parametrize("context", [None, 100, 512, 3000, 4096, 131072])
def test_stretches_hold_whole_pieces_of_what_the_model_read(context: int | None) -> None:
    tokens = stretch_of(context)
    assert 2048 < tokens <= 4096
    assert context is None or context > tokens or tokens % context == 0
