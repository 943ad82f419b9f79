import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from brainsurg_tui.widgets.table_view import TableView


@st.composite
def orders(draw: st.DrawFn, count: int = 20) -> np.ndarray | None:
    rows = draw(st.one_of(st.none(), st.lists(st.integers(0, count - 1), unique=True)))
    return None if rows is None else np.array(rows, dtype=np.int64)


@given(st.lists(st.tuples(orders(), st.lists(st.integers(-5, 30), max_size=4)), max_size=6))
def test_the_cursor_is_always_on_the_row_it_names(steps):
    view = TableView()
    for order, moves in steps:
        before = view.row
        view.show(20, order)
        rows = list(range(20)) if order is None else order.tolist()

        assert len(view) == len(rows)
        assert [view.row_at(position) for position in range(len(view))] == rows
        if before in rows:
            assert view.row == before
        for move in moves:
            moved = view.row
            assert view.go_to(move) == (view.row != moved)
        assert view.row == (rows[view.position] if rows else None)


@given(orders())
def test_every_row_is_found_where_it_stands(order):
    view = TableView()
    view.show(20, order)

    for row in range(20):
        position = view.position_of(row)
        if position is None:
            assert row not in order
        else:
            assert view.row_at(position) == row


def test_a_row_that_is_gone_leaves_the_cursor_on_the_first_one():
    view = TableView()
    view.show(10, None)
    view.go_to(7)

    assert view.show(10, np.array([3, 5]))
    assert (view.row, view.position) == (3, 0)
    assert not view.show(10, None)
    assert (view.row, view.position) == (3, 3)
    view.show(2, None)
    assert view.row == 0
    view.show(0, None)
    assert view.row is None
