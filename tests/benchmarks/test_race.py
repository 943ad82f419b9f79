"""What the race shows at a moment."""

import pytest

from benchmarks.training.messages import Result, Score, Scored
from benchmarks.training.race import explained_at, moments


def result(*scored: tuple[int, float, float]) -> Result:
    """With scores at steps and seconds."""
    scores = [Scored(step, seconds, Score(fvu, 32, 0)) for step, seconds, fvu in scored]
    return Result(1.0, 1, 1.0, 1, 1, (1.0, 1.0), 0.0, scores, {})


def test_a_moment_shows_the_first_score_that_was_taken_then_or_later() -> None:
    slow = result((0, 0.0, 1.0), (1, 4.0, 0.6), (2, 8.5, 0.5))
    shown = [explained_at(slow, moment) for moment in (1, 4, 5, 8)]
    assert shown == pytest.approx([0.4, 0.4, 0.5, 0.5])


def test_who_is_done_stays_what_he_was() -> None:
    assert explained_at(result((1, 1.0, 0.5), (9, 7.0, 0.25)), 60) == 0.75
    assert explained_at(result(), 60) is None


def test_a_race_is_scored_at_its_end() -> None:
    assert moments(4) == [1, 2, 3, 4]
    assert moments(20)[-2:] == [12, 20]
