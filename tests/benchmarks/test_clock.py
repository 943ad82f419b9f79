"""The clock counts training and nothing else, and knows when a run is over."""

import pytest

from benchmarks.training.clock import Clock, TimeIsUpError
from benchmarks.training.messages import FEWEST_STEPS, Score


class Time:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.of_processor = 0.0

    def perf_counter(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.of_processor


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr("benchmarks.training.clock.time", time)
    return time


def run(clock: Clock, time: Time, seconds_a_step: float) -> None:
    """Ask for batches until the clock ends it."""
    with pytest.raises(TimeIsUpError):
        while True:
            clock.tick()
            time.now += seconds_a_step


def test_a_run_ends_after_its_steps(time: Time) -> None:
    clock = Clock(40, warmup=10)
    run(clock, time, 2)
    assert (clock.steps, clock.timed_steps, clock.timed_seconds) == (40, 30, 60)


def test_a_run_ends_after_its_seconds_behind_the_warmup(time: Time) -> None:
    clock = Clock(1_000, warmup=5, seconds=10)
    run(clock, time, 0.5)
    assert (clock.steps, clock.timed_seconds) == (25, 10)


def test_slow_steps_are_timed_too(time: Time) -> None:
    clock = Clock(1_000, warmup=1, seconds=10)
    run(clock, time, 100)
    assert clock.timed_steps == FEWEST_STEPS


def test_scoring_takes_no_time_and_says_when_it_was(time: Time) -> None:
    clock = Clock(10, score_every=5)

    def scorer() -> Score:
        time.now += 1_000
        return Score(fvu=0.5, l0=32, recovered=0)

    clock.scorer = scorer
    run(clock, time, 3)
    assert [(scored.step, scored.seconds) for scored in clock.scores] == [(0, 0), (5, 15), (10, 30)]
    assert clock.timed_seconds == 30


def test_scores_are_taken_at_moments_and_at_the_end(time: Time) -> None:
    clock = Clock(1_000, seconds=20, score_at=[1, 7, 8, 15])
    clock.scorer = lambda: Score(fvu=0.5, l0=32, recovered=0)
    run(clock, time, 3)
    assert [scored.seconds for scored in clock.scores] == [3, 9, 15, 21]


def test_the_processor_s_seconds_are_counted(time: Time) -> None:
    clock = Clock(10, score_at=[12], processor=True)
    clock.scorer = lambda: Score(fvu=0.5, l0=32, recovered=0)
    with pytest.raises(TimeIsUpError):
        while True:
            clock.tick()
            time.now += 100
            time.of_processor += 2
    assert clock.timed_seconds == 20
    assert [(scored.step, scored.seconds) for scored in clock.scores] == [(6, 12), (10, 20)]
