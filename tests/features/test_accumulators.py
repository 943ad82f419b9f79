"""What the scan's accumulators say of a few rows is what counting by hand says.

Activations are small whole numbers, so that equal ones are common; rows come in blocks that cut
through documents.
"""

import itertools
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.features import top_examples
from engine.features.block import Block
from engine.features.figures import Figures

FEATURES = 3

quick = settings(max_examples=60, deadline=None)


@dataclass
class Rows:
    """A small activation set: acts [rows][features], and whose each row is."""

    acts: list[list[int]]
    lengths: list[int]
    cuts: list[int]
    categories: list[int]

    def places(self) -> list[tuple[int, int]]:
        """(document, position) of every row."""
        return [(doc, pos) for doc, n in enumerate(self.lengths) for pos in range(n)]

    def blocks(self) -> list[Block]:
        acts = torch.tensor(self.acts, dtype=torch.float32).view(-1, FEATURES)
        places = torch.tensor(self.places())
        bounds = sorted({0, *self.cuts, len(acts)})
        return [
            Block.of(acts[a:b], 0.0, places[a:b, 0], places[a:b, 1])
            for a, b in itertools.pairwise(bounds)
        ]


@st.composite
def some_rows(draw: st.DrawFn) -> Rows:
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))
    n = sum(lengths)
    row = st.lists(st.integers(0, 3), min_size=FEATURES, max_size=FEATURES)
    return Rows(
        acts=draw(st.lists(row, min_size=n, max_size=n)),
        lengths=lengths,
        cuts=draw(st.lists(st.integers(1, n), max_size=4)),
        categories=draw(st.lists(st.integers(-1, 2), min_size=len(lengths), max_size=len(lengths))),
    )


def collect(rows: Rows, k: int = 3) -> Figures:
    figures = Figures(FEATURES, k, torch.tensor(rows.categories), 3)
    for block in rows.blocks():
        figures.add(block)
    return figures


@quick
@given(some_rows())
def test_moments(rows: Rows) -> None:
    moments = collect(rows).moments
    for feature in range(FEATURES):
        active = [row[feature] for row in rows.acts if row[feature] > 0]
        assert moments.count[feature] == len(active)
        assert moments.max[feature] == max(active, default=0)
        assert moments.density[feature].item() == pytest.approx(len(active) / len(rows.acts))
        mean = sum(active) / len(active) if active else 0
        assert moments.mean[feature].item() == pytest.approx(mean)


@quick
@given(some_rows())
def test_distinct_documents(rows: Rows) -> None:
    count = collect(rows).distinct.count
    for feature in range(FEATURES):
        places = zip(rows.acts, rows.places(), strict=True)
        assert count[feature] == len({doc for row, (doc, _) in places if row[feature] > 0})


@quick
@given(some_rows(), st.integers(1, 4), st.sampled_from([0, 3, 1 << 20]))
def test_top_examples_are_the_strongest_of_distinct_documents(
    rows: Rows, k: int, waiting: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(top_examples, "_WAITING", waiting)
        examples = collect(rows, k).examples
        examples.settle()
    for feature in range(FEATURES):
        best: dict[int, tuple[int, int]] = {}
        for row, (document, position) in zip(rows.acts, rows.places(), strict=True):
            if row[feature] > max(0, best.get(document, (0, 0))[0]):
                best[document] = (row[feature], position)
        # Strongest first; of equal ones the earlier document.
        expected = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))[:k]
        kept = examples.documents[feature] >= 0
        found: list[Tensor] = [
            column[feature][kept]
            for column in (examples.documents, examples.values, examples.positions)
        ]
        assert list(zip(*(column.tolist() for column in found), strict=True)) == [
            (document, value, position) for document, (value, position) in expected
        ]


@quick
@given(some_rows())
def test_selectivity_is_that_of_the_means_per_category(rows: Rows) -> None:
    figures = collect(rows)
    assert figures.selectivity is not None
    selectivity, category = figures.selectivity.result()
    for feature in range(FEATURES):
        means = []
        for wanted in range(3):
            places = zip(rows.acts, rows.places(), strict=True)
            values = [row[feature] for row, (doc, _) in places if rows.categories[doc] == wanted]
            means.append(sum(values) / len(values) if values else 0)
        highest = max(means)
        if highest == 0:
            assert (selectivity[feature], category[feature]) == (0, -1)
            continue
        rest = (sum(means) - highest) / 2
        assert selectivity[feature].item() == pytest.approx((highest - rest) / (highest + rest))
        assert means[category[feature]] == pytest.approx(highest)
