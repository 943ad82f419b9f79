import math

from hypothesis import given
from hypothesis import strategies as st

from brainsurg_tui.widgets.bars import ASCII_BLOCKS, BLOCKS, progress_bar, sparkline


@given(st.floats(), st.integers(0, 60), st.booleans())
def test_a_bar_has_its_width_whatever_the_fraction(fraction, width, ascii_only):
    bar = progress_bar(fraction, width, ascii_only=ascii_only)

    assert bar.cell_len == width
    assert bar.plain.isascii() or not ascii_only


@given(st.floats(0, 1), st.integers(1, 60))
def test_a_bar_is_full_only_at_the_end(fraction, width):
    full = progress_bar(fraction, width).plain == "▓" * width

    assert full == (fraction == 1.0)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 60))
def test_a_bar_never_goes_back(one, other, width):
    less, more = sorted((one, other))

    assert progress_bar(less, width).plain.count("▓") <= progress_bar(more, width).plain.count("▓")


def test_bars():
    assert progress_bar(0.61, 6).plain == "▓▓▓░░░"
    assert progress_bar(0.999, 4, ascii_only=True).plain == "###-"
    assert progress_bar(math.nan, 3).plain == "░░░"


@given(st.lists(st.floats()), st.integers(-1, 40))
def test_a_sparkline_has_a_cell_for_every_value_up_to_its_width(values, width):
    assert len(sparkline(values, width)) == min(max(width, 0), len(values))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2), st.integers(2, 40))
def test_a_sparkline_rises_where_the_values_rise(values, width):
    line = sparkline(sorted(values)[:width], width)

    assert list(line) == sorted(line, key=BLOCKS.index)


@given(st.lists(st.floats(), max_size=40))
def test_both_kinds_of_sparkline_have_the_same_shape(values):
    to_ascii = str.maketrans(BLOCKS, ASCII_BLOCKS)

    assert sparkline(values, 40).translate(to_ascii) == sparkline(values, 40, ascii_only=True)


def test_sparklines():
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 0, 8, 8], 2) == "▁█"
    assert sparkline([1, math.nan, math.inf, 2], 4) == "▁  █"
    assert sparkline([3, 3, 3], 9) == "▁▁▁"
    assert sparkline([0.0, 5e-324], 2) == "▁█"
    assert sparkline([], 9) == ""
