"""Which SAEs of a sweep are worth having."""

from hypothesis import given
from hypothesis import strategies as st

from engine.jobs.kinds import SweepRun
from engine.jobs.work.pareto import compare_runs, pareto_front

coordinate = st.integers(0, 6).map(float)  # few values, so that many are equal
points = st.lists(st.tuples(coordinate, coordinate), max_size=12)


@given(points)
def test_the_front_is_the_staircase_from_the_sparsest_on(points: list[tuple[float, float]]) -> None:
    staircase, lowest = set(), float("inf")
    for x in sorted({x for x, _ in points}):
        y = min(y for other, y in points if other == x)
        if y < lowest:
            staircase.add((x, y))
            lowest = y
    assert pareto_front(points) == {i for i, point in enumerate(points) if point in staircase}


def run(name: str, **metrics: float) -> SweepRun:
    return SweepRun(name=name, arch="topk", width=8, lr=1e-3, metrics=metrics)


def test_the_sparsest_comes_first_and_each_figure_has_a_front_of_its_own() -> None:
    runs = compare_runs(
        [
            run("dense", l0=64, fvu=0.05, ce_score=0.90),
            run("sparse", l0=8, fvu=0.30, ce_score=0.80),
            run("beaten", l0=32, fvu=0.20, ce_score=0.70),
            run("better", l0=16, fvu=0.20, ce_score=0.95),
        ]
    )
    assert [r.name for r in runs] == ["sparse", "better", "beaten", "dense"]
    assert [r.name for r in runs if r.fvu_front] == ["sparse", "better", "dense"]
    assert [r.name for r in runs if r.ce_score_front] == ["sparse", "better"]


def test_a_figure_that_is_not_known_is_on_no_front_and_beats_nothing() -> None:
    runs = compare_runs([run("a", l0=8), run("b", l0=16, fvu=0.5), run("c", l0=32, fvu=0.6)])
    assert [(r.name, r.fvu_front, r.ce_score_front) for r in runs] == [
        ("a", False, False),
        ("b", True, False),
        ("c", False, False),
    ]
