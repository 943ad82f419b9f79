import math

from hypothesis import given
from hypothesis import strategies as st

from brainsurg_tui.widgets.ticks import power_ticks, round_ticks, tick_labels

limits = (
    st.tuples(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
    .map(lambda pair: (pair[0], pair[0] + pair[1]))
    .filter(lambda pair: pair[1] - pair[0] > 1e-7 * abs(pair[0]))
)


@given(limits, st.integers(2, 12))
def test_ticks_are_evenly_spaced_round_and_within_the_limits(pair, most):
    low, high = pair
    ticks = round_ticks(low, high, most)
    span = high - low

    assert 1 <= len(ticks) <= most
    assert all(low - span * 1e-6 <= tick <= high + span * 1e-6 for tick in ticks)
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        digit = step / 10 ** math.floor(math.log10(step) + 1e-6)
        assert round(digit, 3) in (1, 2, 5)


@given(limits, st.integers(2, 12))
def test_labels_tell_the_ticks_apart(pair, most):
    ticks = round_ticks(*pair, most)
    labels = tick_labels(ticks)

    assert len(labels) == len(ticks)
    assert len(set(labels)) == len(ticks)


def test_labels():
    assert tick_labels([0.0, 0.5, 1.0]) == ["0.0", "0.5", "1.0"]
    assert tick_labels([0.0, 5000.0, 10_000.0]) == ["0", "5k", "10k"]
    assert tick_labels([0, 2_000_000, 4_000_000]) == ["0", "2M", "4M"]
    assert tick_labels([0, 500_000, 1_000_000]) == ["0.0", "0.5M", "1.0M"]
    assert tick_labels([0.0, 2e-5]) == ["0e00", "2e-5"]
    assert tick_labels([]) == []


@given(st.floats(-12, 12), st.floats(0.01, 20), st.integers(1, 10))
def test_ticks_of_a_logarithmic_axis_stand_at_what_they_say(low, span, most):
    ticks = power_ticks(low, low + span, most)

    assert len(ticks) <= most
    for at, label in ticks:
        assert low <= at <= low + span
        assert math.isclose(10**at, float(label), rel_tol=1e-9)


def test_a_logarithmic_axis_prefers_powers_of_ten():
    assert [label for _, label in power_ticks(-3, 0.2, 5)] == ["0.001", "0.01", "0.1", "1"]
    assert [label for _, label in power_ticks(-0.8, 0.1, 5)] == ["0.2", "0.5", "1"]
