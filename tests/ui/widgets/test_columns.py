from hypothesis import given
from hypothesis import strategies as st

from brainsurg_tui.widgets.columns import GAP, Column, columns_that_fit

columns = st.lists(
    st.builds(
        Column,
        key=st.text("abc", max_size=2),
        title=st.just("title"),
        width=st.integers(1, 20),
        fraction=st.integers(0, 3),
        priority=st.integers(0, 3),
    ),
    min_size=1,
    max_size=8,
)


def _cells(fitted: list[tuple[int, int]]) -> int:
    return sum(width for _, width in fitted) + GAP * (len(fitted) - 1)


@given(columns, st.integers(0, 150))
def test_columns_never_take_more_than_there_is(columns, width):
    fitted = columns_that_fit(columns, width)

    assert _cells(fitted) <= width
    assert [index for index, _ in fitted] == sorted(index for index, _ in fitted)


@given(columns, st.integers(30, 150))
def test_a_column_with_a_fraction_takes_all_that_is_left(columns, width):
    fitted = columns_that_fit(columns, width)

    if any(columns[index].fraction for index, _ in fitted):
        assert _cells(fitted) == width
    else:
        assert [cells for _, cells in fitted] == [columns[index].width for index, _ in fitted]


@given(columns, st.integers(0, 150))
def test_what_is_left_out_is_no_more_important_than_what_is_shown(columns, width):
    shown = {index for index, _ in columns_that_fit(columns, width)}
    hidden = set(range(len(columns))) - shown

    assert shown
    assert all(
        columns[gone].priority <= columns[here].priority for gone in hidden for here in shown
    )


def test_columns_leave_by_priority():
    table = [
        Column("id", "id", 6, priority=3),
        Column("max", "max", 6, priority=2),
        Column("mean", "mean", 6, priority=0),
        Column("label", "label", 10, fraction=1, priority=1),
    ]

    def keys(width: int) -> list[str]:
        return [table[index].key for index, _ in columns_that_fit(table, width)]

    assert keys(40) == ["id", "max", "mean", "label"]
    assert keys(33) == ["id", "max", "label"]
    assert keys(20) == ["id", "max"]
    assert keys(4) == ["id"]
    assert columns_that_fit(table, 4) == [(0, 4)]
