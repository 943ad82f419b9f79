import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainsurg_tui.widgets.numbers import byte_size, figure, quantity, seconds

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


@given(finite)
def test_a_figure_is_the_number_to_three_digits(value: float):
    shown = float(figure(value).replace(",", ""))

    assert math.isclose(shown, value, rel_tol=5.001e-3, abs_tol=1e-305)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (8.31, "8.31"),
        (0.0123, "0.0123"),
        (0.012, "0.0120"),
        (9.999, "10.0"),
        (99.95, "100"),
        (1204, "1,204"),
        (999_400, "999,400"),
        (1_234_567, "1.23e6"),
        (2.4e-4, "2.40e-4"),
        (-0.5, "-0.500"),
        (0, "0"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_figures(value: float, shown: str):
    assert figure(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (512, "512"),
        (999, "999"),
        (1000, "1.00k"),
        (31_900, "31.9k"),
        (999_999, "1.00M"),
        (24_576, "24.6k"),
        (1_500_000_000, "1.50G"),
        (2e18, "2000000T"),
        (-31_900, "-31.9k"),
        (0.25, "0.25"),
        (math.nan, "nan"),
    ],
)
def test_quantities(value: float, shown: str):
    assert quantity(value) == shown


@given(st.floats(1000, 1e15))
def test_a_quantity_is_the_number_to_three_digits(value: float):
    powers = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    shown = quantity(value)

    assert math.isclose(float(shown[:-1]) * powers[shown[-1]], value, rel_tol=5.001e-3)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 B"), (1023, "1.02 kB"), (18_400_000_000, "18.4 GB"), (5e15, "5.00 PB")],
)
def test_sizes(value: float, shown: str):
    assert byte_size(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.04, "0.0 s"),
        (9.99, "10.0 s"),
        (38, "38 s"),
        (59.6, "1 min 0 s"),
        (754, "12 min 34 s"),
        (3600, "1 h 0 min"),
        (3599.7, "1 h 0 min"),
        (90_061, "1 d 1 h"),
        (math.inf, "?"),
        (-3, "?"),
    ],
)
def test_durations(value: float, shown: str):
    assert seconds(value) == shown
