import math
import threading

import psutil
import pytest

from engine.jobs.events import Noted, Progressed
from engine.progress import Cancelled
from engine.service.reporter import Reporter


def test_a_flood_is_thinned_but_the_end_always_arrives() -> None:
    sent: list[Progressed | Noted] = []
    reporter = Reporter(sent.append)
    for done in range(10_001):
        reporter("train", done, 10_000, "steps", {"loss": float(done)})
    assert len(sent) < 100
    last = sent[-1]
    assert isinstance(last, Progressed)
    assert (last.done, last.total, last.metrics["loss"]) == (10_000, 10_000, 10_000.0)


def test_memory_is_told_beside_figures_and_only_there() -> None:
    sent: list[Progressed | Noted] = []
    reporter = Reporter(sent.append)
    reporter("load the model", 0)
    reporter("train", 1, 2, "steps", {"loss": 1.0})
    plain, figures = (report.metrics for report in sent if isinstance(report, Progressed))
    assert plain == {}
    assert set(figures) == {"loss", "memory"}
    resident = psutil.Process().memory_info().rss
    assert figures["memory"] == pytest.approx(resident, rel=0.2)


def test_a_figure_that_is_no_finite_number_is_told_as_none() -> None:
    sent: list[Progressed | Noted] = []
    Reporter(sent.append)("train", 1, 2, "steps", {"loss": 1.0, "a": math.nan, "b": -math.inf})
    (report,) = sent
    assert isinstance(report, Progressed)
    assert (report.metrics["loss"], report.metrics["a"], report.metrics["b"]) == (1.0, None, None)


def test_every_phase_is_heard_of() -> None:
    sent: list[Progressed | Noted] = []
    reporter = Reporter(sent.append)
    for phase in ("load", "train", "evaluate"):
        reporter(phase, 0, 2)
    assert [p.phase for p in sent if isinstance(p, Progressed)] == ["load", "train", "evaluate"]


def test_rate_and_time_left_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("engine.service.reporter.time.monotonic", lambda: now)
    sent: list[Progressed | Noted] = []
    reporter = Reporter(sent.append)
    for done in range(0, 500, 50):
        reporter("train", done, 1000, "steps")
        now += 1.0
    last = sent[-1]
    assert isinstance(last, Progressed)
    assert last.rate == pytest.approx(50.0)
    assert last.seconds_left == pytest.approx((1000 - last.done) / 50.0)


def test_paused_work_waits_and_goes_on() -> None:
    reporter = Reporter(lambda _: None)
    reporter.pause()
    went_on = threading.Event()

    def work() -> None:
        reporter("train", 1, 2)
        went_on.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert not went_on.wait(0.2)
    reporter.resume()
    assert went_on.wait(5)
    thread.join()


def test_work_can_see_coming_that_it_will_be_held_or_ended() -> None:
    reporter = Reporter(lambda _: None)
    assert not reporter.interrupted
    reporter.pause()
    assert reporter.interrupted
    reporter.resume()
    assert not reporter.interrupted
    reporter.abandon()
    assert reporter.interrupted


@pytest.mark.parametrize("paused", [False, True])
def test_abandoned_work_is_told_at_its_next_step(paused: bool) -> None:
    reporter = Reporter(lambda _: None)
    if paused:
        reporter.pause()
    reporter.abandon()
    with pytest.raises(Cancelled):
        reporter("train", 1, 2)
    with pytest.raises(Cancelled):
        reporter.note("never heard")
    reporter.renew()
    reporter("train", 1, 2)
