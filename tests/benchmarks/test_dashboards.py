"""The page of dashboards: ratios within rounds, and that nothing is said of what doesn't agree."""

import pytest

from benchmarks.dashboards.messages import Result
from benchmarks.dashboards.page import agreement, speed_table
from benchmarks.dashboards.programs import OURS
from benchmarks.dashboards.sizes import Size

SIZE = Size(d_model=4, layers=3, vocabulary=9, width=2_000, prompts=8)


def result(whole: dict[str, float], maxima: list[float | None] = [1.0]) -> Result:  # noqa: B006
    """A result that says this and nothing else of interest."""
    return Result(
        parts={},
        whole=whole,
        features=256,
        peak_bytes=2_000_000_000,
        maxima=maxima,
        densities=[None if value is None else 0.5 for value in maxima],
        versions={},
    )


def test_ratios_are_taken_within_rounds_for_each_thing_that_is_counted_in() -> None:
    rounds = [
        {OURS: result({"alone": ours / 2, "whole": ours}), "peer": result({"": its})}
        for ours, its in ((2.0, 100.0), (4.0, 240.0), (2.0, 80.0))
    ]
    rounds[-1]["slow"] = result({"": 600.0})  # which runs only once
    lines = [line.split(" | ") for line in speed_table(rounds, SIZE).splitlines()[2:]]
    assert [line[2] for line in lines] == [
        "0.50 [0.50..1.00]",
        "1.00 [1.00..2.00]",
        "50.00 [40.00..120.00]",
        "300.00",
    ]
    assert [line[3] for line in lines] == ["–", "–", "100 [80..120]", "600"]
    assert [line[4] for line in lines] == ["–", "–", "50 [40..60]", "300"]


def test_only_what_can_be_compared_must_agree() -> None:
    ours = result({}, [1.0, 2.0, 3.0, 4.0])
    (said,) = agreement({OURS: ours, "peer": result({}, [1.0, None, 3.0004])})
    assert "agree on 2 features" in said
    with pytest.raises(SystemExit, match="other features"):
        agreement({OURS: ours, "peer": result({}, [1.0, 2.1])})
