"""Autoencoders beside each other: which are worth having where few active features count, too."""

import math
from collections.abc import Iterable, Sequence

import msgspec

from engine.figures import Figure
from engine.jobs.kinds import SweepRun

Point = tuple[float, ...]


def compare_runs(runs: Iterable[SweepRun]) -> list[SweepRun]:
    """The runs of a sweep, the sparsest first, marked where no other is sparser and better at once.

    A figure that isn't known puts none on the front of that figure.
    """
    ordered = sorted(runs, key=_l0_or_infinity)
    fvu = _front(ordered, {run.name: run.metrics.get("fvu") for run in ordered})
    ce_costs = {run.name: _ce_cost(run.metrics.get("ce_score")) for run in ordered}
    ce_score = _front(ordered, ce_costs)
    return [
        msgspec.structs.replace(run, fvu_front=run.name in fvu, ce_score_front=run.name in ce_score)
        for run in ordered
    ]


def pareto_front(points: Sequence[Point]) -> set[int]:
    """The places of the points that no other dominates.

    One dominates another if it is at most as large in every coordinate, and smaller in one. Of
    equal points none dominates the other.
    """
    return {
        place
        for place, point in enumerate(points)
        if not any(_dominates(other, point) for other in points)
    }


def _dominates(one: Point, other: Point) -> bool:
    at_most = all(a <= b for a, b in zip(one, other, strict=True))
    return at_most and one != other


def _front(runs: Sequence[SweepRun], costs: dict[str, Figure]) -> set[str]:
    """The names on the front of L0 against a cost by name."""
    known = [
        (run.name, (l0, cost))
        for run in runs
        if (cost := costs[run.name]) is not None and (l0 := run.metrics.get("l0")) is not None
    ]
    front = pareto_front([point for _, point in known])
    return {name for place, (name, _) in enumerate(known) if place in front}


def _l0_or_infinity(run: SweepRun) -> float:
    l0 = run.metrics.get("l0")
    return math.inf if l0 is None else l0


def _ce_cost(ce_score: float | None) -> float | None:
    return None if ce_score is None else 1 - ce_score
