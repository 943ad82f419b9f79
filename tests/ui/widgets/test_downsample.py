import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from brainsurg_tui.widgets.downsample import keep_extremes

points = st.lists(st.tuples(st.floats(), st.floats()), max_size=300)


@given(points, st.integers(1, 40))
def test_extremes_and_ends_of_the_finite_points_survive(series, buckets):
    xs, ys = keep_extremes([x for x, _ in series], [y for _, y in series], buckets)

    finite = [(x, y) for x, y in series if np.isfinite(x) and np.isfinite(y)]
    kept = list(zip(xs.tolist(), ys.tolist(), strict=True))
    assert len(kept) <= 2 * buckets + 2
    if finite:
        assert (kept[0], kept[-1]) == (finite[0], finite[-1])
        assert ys.min() == min(y for _, y in finite)
        assert ys.max() == max(y for _, y in finite)
    else:
        assert kept == []


@given(points, st.integers(1, 40))
def test_what_is_kept_is_part_of_the_series_in_its_order(series, buckets):
    xs, ys = keep_extremes([x for x, _ in series], [y for _, y in series], buckets)

    rest = iter(series)
    assert all(point in rest for point in zip(xs.tolist(), ys.tolist(), strict=True))


def test_a_single_spike_among_a_million_points_survives():
    ys = np.zeros(1_000_000)
    ys[567_891] = 1.0

    kept_xs, kept_ys = keep_extremes(np.arange(len(ys)), ys, 80)

    assert kept_xs[kept_ys.argmax()] == 567_891
