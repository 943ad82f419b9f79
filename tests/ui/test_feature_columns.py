"""The columns of the features, their order, and what else needs no terminal."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from brainsurg_tui.panes.features.columns import FeatureColumns
from brainsurg_tui.panes.findings.columns import result_columns, row_writer
from brainsurg_tui.state.feature_filter import FeatureFilter
from brainsurg_tui.state.search_results import SearchResults
from brainsurg_tui.state.visits import FeatureRef, VisitHistory
from brainsurg_tui.widgets.histogram import columns_of
from engine.features.catalogue.argsort import argsort
from engine.service import protocol as p

# Columns


def feature_columns(categories: tuple[str, ...] = (), **columns: list[float]) -> FeatureColumns:
    dtypes = {name: "<i4" if name == "category" else "<f4" for name in columns}
    arrays = {name: np.array(values, dtypes[name]) for name, values in columns.items()}
    return FeatureColumns(
        p.FeatureTable(
            sae="r1",
            activations="acts1",
            features=len(next(iter(arrays.values()))),
            tokens=1,
            columns={name: array.tobytes() for name, array in arrays.items()},
            dtypes=dtypes,
            notes={},
            categories=list(categories),
        )
    )


NOTES = {3: p.Note(label="a"), 1: p.Note(label="b", starred=True), 2: p.Note(tags=("z", "y"))}


def test_order_by_what_was_written_down_has_what_has_it_first_either_way() -> None:
    data = feature_columns(max=[1, 2, 3, 4])
    assert data.order("label", NOTES, reverse=False).tolist() == [3, 1, 0, 2]
    assert data.order("label", NOTES, reverse=True).tolist() == [1, 3, 0, 2]
    assert data.order("star", NOTES, reverse=False).tolist() == [1, 0, 2, 3]
    assert data.order("star", NOTES, reverse=True).tolist() == [1, 0, 2, 3]
    assert data.order("tags", NOTES, reverse=False).tolist() == [2, 0, 1, 3]


def test_order_by_category_is_by_its_name_and_none_comes_last() -> None:
    data = feature_columns(("story", "code"), max=[1, 2, 3, 4], category=[0, 1, -1, 0])
    assert data.order("category", {}, reverse=False).tolist() == [1, 0, 3, 2]
    assert data.order("category", {}, reverse=True).tolist() == [0, 3, 1, 2]
    assert data.cells(1, p.Note())[2] == "code"
    assert data.cells(2, p.Note())[2] == ""


def test_selectivity_is_a_column_where_there_are_categories() -> None:
    def keys(data: FeatureColumns) -> list[str]:
        return [column.key for column in data.columns]

    assert "selectivity" not in keys(feature_columns(max=[1, 2]))
    data = feature_columns(max=[1, 2], selectivity=[0.5, float("nan")])
    assert keys(data) == ["id", "max", "selectivity", "star", "tags", "label"]
    note = p.Note(label="name", tags=("a", "b"), starred=True)
    assert data.cells(1, note) == ["1", "2.00", "–", "★", "a b", "name"]


# Order


@given(
    values=arrays.arrays(
        dtype=st.sampled_from(["<f4", "<i4", "<u4", "<i8", "<f8", "?"]),
        shape=st.integers(1, 60),
        elements=None,
    ),
    largest_first=st.booleans(),
)
def test_ranked_is_by_value_then_index_and_nan_comes_last(
    values: np.ndarray, *, largest_first: bool
) -> None:
    def place(index: int) -> tuple[bool, float, int]:
        value = values[index].item()
        missing = bool(np.isnan(value))
        return missing, 0.0 if missing else -value if largest_first else value, index

    found = argsort(values, largest_first=largest_first).tolist()
    assert found == sorted(range(len(values)), key=place)


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_a_filter_is_a_bit_a_feature(kept: list[bool]) -> None:
    mask = np.packbits(kept, bitorder="little").tobytes()
    feature_filter = FeatureFilter("max > 5", p.Matches(matching=sum(kept), mask=mask))
    found = feature_filter.mask(len(kept))
    assert found is not None
    assert found.tolist() == kept
    assert feature_filter.mask(len(kept) + 8) is None  # it was an answer about another table
    assert FeatureFilter().mask(len(kept)) is None


# The way back


def test_the_trail_goes_back_and_forth_and_forgets_what_was_left() -> None:
    visits = VisitHistory()
    first, second, third = (FeatureRef("r1", feature) for feature in (3, 8, 5))
    assert visits.step(-1) is None
    for place in (first, second, second):
        visits.add(place)
    assert visits.step(1) is None
    assert visits.step(-1) == first
    assert visits.step(-1) is None
    assert visits.step(1) == second
    assert visits.step(-1) == first
    visits.add(third)
    assert visits.step(1) is None
    assert visits.step(-1) == first
    visits.add(first)  # to be where one is leaves the way forward
    assert visits.step(1) == third


# Bars


@given(
    counts=st.lists(st.integers(0, 10**9), min_size=1, max_size=80),
    width=st.integers(1, 60),
    height=st.integers(1, 12),
)
def test_a_histogram_fills_its_room_and_loses_no_count(
    counts: list[int], width: int, height: int
) -> None:
    lines = columns_of(counts, width, height)
    assert len(lines) == height
    assert len({len(line) for line in lines}) == 1
    assert len(lines[0]) <= width
    if len(counts) <= width:
        cells = width // len(counts)
        feet = [lines[-1][bar * cells] for bar in range(len(counts))]
        assert [foot == " " for foot in feet] == [count == 0 for count in counts]
    assert ("█" in lines[0]) == any(counts)


# What a search found


def test_shares_have_three_decimals_and_counts_are_grouped_but_a_number_of_a_feature_is_not() -> (
    None
):
    scores = [
        p.GrepScore(id=20502, precision=0.74, recall=0.998, f1=0.844, active=27771, label="stops"),
        p.GrepScore(id=7, precision=1.0, recall=1.0, f1=1.0, active=3, label=""),
    ]
    report = p.GrepReport(
        pattern="[.]",
        features=scores,
        documents=1,
        total_documents=1,
        tokens=9,
        matches=2,
        matched_tokens=2,
    )
    results = SearchResults(p.Grep(sae="r1", pattern="[.]"), report)
    cells = row_writer(result_columns(results), scores)
    assert cells(0) == ["20502", "0.844", "0.740", "0.998", "27,771", "stops"]
    assert cells(1) == ["7", "1.000", "1.000", "1.000", "3", ""]
