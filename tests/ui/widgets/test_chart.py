import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual.app import App, ComposeResult
from textual.color import Color

from brainsurg_tui.widgets import chart as chart_module
from brainsurg_tui.widgets.chart import Chart
from brainsurg_tui.widgets.plot import BRAILLE, Series, plot, points_to_draw

XS = list(range(0, 2000, 2))
LOSS = [math.exp(-x / 400) + 0.1 for x in XS]


class Host(App[None]):
    def __init__(self, **options: object) -> None:
        super().__init__()
        self.chart = Chart(**options)

    def compose(self) -> ComposeResult:
        yield self.chart

    def lines(self) -> list[str]:
        return [self.chart.render_line(y).text for y in range(self.chart.size.height)]


async def test_a_curve_stands_in_a_frame_with_labels():
    host = Host(x_label="step", y_label="loss")
    async with host.run_test(size=(60, 12)) as pilot:
        host.chart.set_series({"train": (XS, LOSS)})
        await pilot.pause()
        lines = host.lines()

    assert lines[0].split() == ["loss", "step"]
    assert lines[-1].split() == ["0", "500", "1000", "1500"]
    assert any(line.startswith("1.0┤") for line in lines)
    assert any("\u2801" <= character <= "\u28ff" for line in lines for character in line)
    assert {cell_len(line) for line in lines} == {60}


async def test_several_series_are_named():
    host = Host()
    async with host.run_test(size=(60, 12)) as pilot:
        host.chart.set_series({"loss": (XS, LOSS), "fvu\x1b[0m": (XS, LOSS[::-1])})
        await pilot.pause()

        assert host.lines()[0].strip() == "━ loss  ━ fvu␛[0m"


async def test_it_is_drawn_again_only_for_other_data_or_another_size(monkeypatch):
    drawings = []
    monkeypatch.setattr(
        chart_module,
        "plot",
        lambda *args, **options: drawings.append(args) or plot(*args, **options),
    )
    host = Host()
    async with host.run_test(size=(60, 12)) as pilot:
        host.chart.set_series({"loss": (XS, LOSS)})
        await pilot.pause()
        host.chart.refresh()
        await pilot.pause()
        assert len(drawings) == 1
        host.chart.set_series({"loss": (XS, LOSS[::-1])})
        await pilot.pause()
        assert len(drawings) == 2
        await pilot.resize_terminal(50, 12)
        await pilot.pause()
        assert len(drawings) == 3


async def test_low_charts_are_sparklines():
    host = Host()
    async with host.run_test(size=(40, 3)) as pilot:
        host.chart.set_series({"loss": (XS, LOSS), "fvu": (XS, LOSS[::-1])})
        await pilot.pause()
        lines = host.lines()

    assert lines[0].startswith("loss █")
    assert lines[0].rstrip().endswith("▁ 0.107")
    assert lines[1].startswith("fvu  ▁")
    assert lines[1].rstrip().endswith("█ 1.10")


async def test_ascii_only_draws_no_other_sign():
    for height in (12, 3):
        host = Host(ascii_only=True, x_label="step")
        async with host.run_test(size=(40, height)) as pilot:
            host.chart.set_series({"loss": (XS, LOSS), "fvu": (XS, LOSS[::-1])})
            await pilot.pause()
            lines = host.lines()
        assert all(line.isascii() for line in lines)
        assert height == 3 or lines[0].startswith("* loss  + fvu")


@pytest.mark.parametrize("values", [[], [math.nan, math.inf], [-1.0, 0.0]])
async def test_nothing_to_draw_says_so(values):
    host = Host(log_y=True, empty_text="No run yet: press t")
    async with host.run_test(size=(40, 8)) as pilot:
        host.chart.set_series({"loss": (range(len(values)), values)})
        await pilot.pause()

        assert host.lines()[0].strip() == "No run yet: press t"


async def test_a_logarithmic_axis_has_labels_in_the_datas_own_unit():
    host = Host(log_y=True, y_label="loss")
    async with host.run_test(size=(60, 14)) as pilot:
        host.chart.set_series({"loss": (range(5), [1.0, 0.1, 0.01, 0.001, -5.0])})
        await pilot.pause()
        lines = host.lines()

        assert lines[0].startswith("loss (log)")
        host.chart.log_y = False
        await pilot.pause()
        assert host.lines()[0].strip() == "loss"
    labels = {line.split("┤")[0].strip() for line in lines if "┤" in line}
    assert labels == {"1", "0.1", "0.01", "0.001"}


async def test_lines_are_told_apart_in_the_terminals_own_colours():
    host = Host()
    async with host.run_test(size=(60, 12)) as pilot:
        host.theme = "ansi-dark"
        host.chart.set_series({"loss": (XS, LOSS), "fvu": (XS, LOSS[::-1])})
        await pilot.pause()
        drawn = host.chart.render()

    numbers = {
        style.color.number
        for span in drawn.spans
        if isinstance(style := span.style, Style) and style.color is not None
    }
    assert len(numbers) == 2
    assert None not in numbers


@example([(1.634266486238469e308, 0.0)], 1, 1, False)
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=50),
    st.integers(1, 90),
    st.integers(1, 20),
    st.booleans(),
)
def test_whatever_the_data_the_drawing_has_its_size(points, width, height, log_y):
    xs, ys = points_to_draw([x for x, _ in points], [y for _, y in points], width, log_y=log_y)
    if not xs:
        return
    line = Series("loss", xs, ys, Color(255, 0, 0), BRAILLE)
    drawn = plot([line], width, height, log_y=log_y, ascii_only=False)

    rows = drawn.plain.split("\n")
    assert len(rows) <= height
    assert all(cell_len(row) <= width for row in rows)


def test_points_off_the_scale_are_left_out():
    xs, ys = points_to_draw([1, 2, 3, 4], [math.nan, 10.0, -1.0, 0.1], 80, log_y=True)

    assert xs == [2, 4]
    assert np.allclose(ys, [1.0, -1.0])
