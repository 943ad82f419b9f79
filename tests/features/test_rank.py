"""Features come in the order that sorting them one by one would give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UserError
from engine.features.catalogue.rank import order

numbers = st.lists(
    st.tuples(*[st.integers(0, 3).map(float)] * 3, st.booleans()), min_size=1, max_size=30
)


@settings(max_examples=60, deadline=None)
@given(numbers, st.sampled_from(["max", "mean", "density", "activity"]), st.booleans())
def test_order_is_that_of_sorting(
    rows: list[tuple[float, float, float, bool]], by: str, ascending: bool
) -> None:
    columns = {
        name: np.array([row[i] for row in rows])
        for i, name in enumerate(("max", "mean", "density"))
    }
    among = np.array([row[3] for row in rows])

    def key(i: int) -> float:
        value = rows[i][1] * rows[i][2] if by == "activity" else float(columns[by][i])
        return value if ascending else -value

    expected = sorted((i for i, row in enumerate(rows) if row[2] > 0 and row[3]), key=key)
    assert order(columns, by, ascending=ascending, among=among).tolist() == expected


def test_without_a_filter_all_that_are_alive_come() -> None:
    columns = {"max": np.array([1.0, 0, 3]), "density": np.array([0.5, 0, 0.5])}
    assert order(columns, "max", among=None).tolist() == [2, 0]


def test_a_column_that_is_not_there_is_refused() -> None:
    columns = {"max": np.zeros(2), "mean": np.zeros(2), "density": np.zeros(2)}
    with pytest.raises(UserError, match=r"'beauty'.*max, mean, density, activity"):
        order(columns, "beauty", among=None)
    with pytest.raises(UserError, match="no categories"):
        order(columns, "selectivity", among=None)
