"""Panes 5 and 6: following, holding and stopping jobs."""

import json
from pathlib import Path
from typing import Literal

import pytest

from brainsurg_tui.exports import table_files
from engine.jobs.kinds.base import UnreadableSpec
from engine.service import protocol as p
from tests.ui.fake_engine import World
from tests.ui.session import open_app, training


def steps(user, job: int) -> list[int]:
    return user.app.state.jobs.history(job).curve("loss")[0]


async def test_a_late_front_end_sees_the_whole_history_and_goes_on_live(world: World) -> None:
    job = training(world, steps=40)
    async with open_app(world) as user:
        await user.until(lambda: steps(user, job) == list(range(10, 401, 10)))
        world.report(job, 410)
        await user.until(lambda: steps(user, job)[-1] == 410)
        await user.press("5")
        await user.sees("5 Loss · r2 · loss", "410 / 1,000", "fvu")
        assert steps(user, job) == list(range(10, 411, 10))


async def test_two_front_ends_see_the_same_job(world: World) -> None:
    job = training(world, steps=3)
    async with open_app(world) as first:
        world.report(job, 40)
        async with open_app(world) as second:
            world.report(job, 50)
            await first.until(lambda: steps(first, job) == [10, 20, 30, 40, 50])
            await second.until(lambda: steps(second, job) == [10, 20, 30, 40, 50])


async def test_a_figure_that_is_not_finite_is_told_and_leaves_a_gap_in_its_curve(
    world: World, tmp_path: Path
) -> None:
    job = training(world, steps=3)
    lost: dict[str, p.Figure] = {"loss": None, "fvu": 0.5, "grad_norm": None}
    async with open_app(world) as user:
        await user.until(lambda: steps(user, job) == [10, 20, 30])
        world.tell(job, p.Progressed(phase="train", done=40, total=1000, metrics=lost))
        world.report(job, 50)
        await user.until(lambda: steps(user, job) == [10, 20, 30, 50])
        world.tell(job, p.Progressed(phase="train", done=60, total=1000, metrics=lost))
        await user.press("5")
        await user.sees("loss not finite", "grad not finite", "fvu 0.5")
        assert steps(user, job) == [10, 20, 30, 50]
        history = user.app.state.jobs.history(job)
        (csv, table) = table_files("loss", history.rows())
        assert csv.text.splitlines()[-1].split(",")[2] == ""
        assert json.loads(table.text)[-1]["loss"] is None


async def test_the_job_line_tells_how_far_it_is_on_every_pane(world: World) -> None:
    job = training(world, steps=61)
    async with open_app(world) as user:
        await user.until(lambda: "61%" in user.line(f"job {job} train r2"))
        assert "loss" in user.line(f"job {job} train r2")
        assert "left" in user.line(f"job {job} train r2")


async def test_another_metric_and_a_frozen_chart(world: World) -> None:
    job = training(world, steps=5)
    async with open_app(world) as user:
        await user.press("5", ">")
        await user.sees("r2 · fvu")
        await user.press("<", "p")
        await user.sees("frozen")
        world.report(job, 900)
        await user.until(lambda: steps(user, job)[-1] == 900)
        await user.until(lambda: "90%" in user.line("job 1"))
        assert "50 / 1,000" in user.line("5 Loss")
        await user.press("p")
        await user.sees("900 / 1,000")


async def test_loss_is_exported_as_table_and_picture(world: World) -> None:
    training(world, steps=5)
    async with open_app(world) as user:
        await user.press("5")
        await user.sees("50 / 1,000")
        await user.press("e")
        folder = Path(world.workspace) / "exports"
        assert [row["step"] for row in json.loads((folder / "loss-r2.json").read_text())] == [
            10,
            20,
            30,
            40,
            50,
        ]
        assert (folder / "loss-r2.csv").read_text().startswith("time,step,loss,fvu,l0")
        assert "<polyline" in (folder / "loss-r2-loss.svg").read_text()


async def test_cancel_asks_first(world: World) -> None:
    training(world, steps=1)
    async with open_app(world) as user:
        await user.press("X")
        await user.sees("Stop job 1, train r2")
        await user.press("escape")
        assert not user.asked(p.CancelJob)
        await user.press("X", "y")
        await user.until(lambda: user.said("was cancelled. P in pane 6 lets it go on."))
        assert world.jobs[1].state == "cancelled"


async def test_pause_and_resume(world: World) -> None:
    training(world, steps=1)
    async with open_app(world) as user:
        await user.press("6", "P")
        await user.sees("paused")
        await user.press("P")
        await user.until(lambda: world.jobs[1].state == "running")


async def test_a_training_that_failed_goes_on_when_it_is_chosen(world: World) -> None:
    job = training(world, steps=1)
    async with open_app(world) as user:
        world.finish(job, "failed", "The worker was killed.")
        await user.until(lambda: user.said("was killed. P in pane 6 lets it go on."))
        await user.press("6", "P")
        await user.until(lambda: world.jobs[job].state == "running")
        assert user.asked(p.ResumeJob) == [p.ResumeJob(id=job)]
        await user.until(lambda: user.app.state.jobs.by_id[job].ended is None)


async def test_a_failed_job_says_why(world: World) -> None:
    job = training(world, steps=1)
    async with open_app(world) as user:
        world.finish(job, "failed", "The worker was killed: out of memory.")
        await user.until(lambda: user.said("out of memory"))
        await user.press("6")
        await user.sees("failed", "The worker was killed: out of memory.")


async def test_notes_and_result_stand_under_the_job(world: World) -> None:
    job = training(world, steps=1)
    async with open_app(world) as user:
        world.tell(job, p.Noted(text="Fewer vectors than features: this memorises."))
        world.finish(job)
        await user.press("6")
        await user.sees("this memorises", "held out:", "explained 0.931")
        await user.press("enter")
        await user.sees("Job 1 · train r2", "1,000 steps")


async def test_quitting_while_a_job_runs_asks_and_leaves_it_running(world: World) -> None:
    training(world, steps=1)
    async with open_app(world) as user:
        await user.press("q")
        await user.sees("A job runs.", "leave it running and quit")
        await user.press("n")
        assert user.app.is_running
        await user.press("q", "enter")
        await user.until(lambda: not user.app.is_running)
        assert world.jobs[1].state == "running"


async def test_quitting_can_stop_the_job(world: World) -> None:
    training(world, steps=1)
    async with open_app(world) as user:
        await user.press("q", "s")
        await user.until(lambda: not user.app.is_running)
        assert world.jobs[1].state == "cancelled"


async def test_quitting_without_a_job_asks_nothing(world: World) -> None:
    async with open_app(world) as user:
        await user.press("q")
        await user.until(lambda: not user.app.is_running)


async def test_a_flood_of_reports_is_drawn_a_few_times_only(world: World) -> None:
    job = training(world)
    async with open_app(world) as user:
        await user.press("5")
        drawn = 0
        draw = user.app.main.loss.draw

        def counted() -> None:
            nonlocal drawn
            drawn += 1
            draw()

        user.app.main.loss.draw = counted
        for step in range(1, 501):
            world.report(job, step)
        await user.until(lambda: "500 / 1,000" in user.text)
        assert drawn <= 3


async def test_ctrl_q_asks_too(world: World) -> None:
    training(world, steps=1)
    async with open_app(world) as user:
        await user.press("ctrl+q")
        await user.sees("A job runs.")
        assert user.app.is_running


async def test_the_cursor_stays_on_its_job_when_another_is_queued(world: World) -> None:
    for name in ("a", "b"):
        world.finish(world.submit(p.Train(name=name, activations="acts1")).id)
    async with open_app(world) as user:
        await user.press("6", "down")
        assert "train a" in user.line("▌")
        world.submit(p.Train(name="c", activations="acts1"))
        await user.sees("train c")
        assert "train a" in user.line("▌")


async def test_the_chart_follows_a_training_that_begins_when_it_showed_one_that_is_over(
    world: World,
) -> None:
    world.finish(world.submit(p.Train(name="a", activations="acts1")).id)
    async with open_app(world) as user:
        await user.press("6", "5")
        await user.sees("5 Loss · a")
        job = world.submit(p.Train(name="c", activations="acts1")).id
        world.start(job)
        world.report(job, 10)
        await user.sees("5 Loss · c")


async def test_jobs_that_cannot_be_read_are_shown_and_can_be_looked_at(world: World) -> None:
    spec = UnreadableSpec(stored='{"kind":"distil"}', why="There is no kind of job 'distil'.")
    for number, state in enumerate(("failed", "done", "sleeping", "queued"), 1):
        world.jobs[number] = p.JobInfo(id=number, spec=spec, state=state, created=0.0)
    job = training(world, steps=3)
    async with open_app(world) as user:
        await user.press("6")
        await user.sees("unreadable job", "sleeping", f"job {job} train r2")
        await user.press("down", "enter")
        await user.sees("no kind of job 'distil'")


@pytest.mark.parametrize(
    ("split", "words"),
    [("held_out", "held out: "), ("trained_on", "on the training vectors: "), ("", "measured: ")],
)
async def test_figures_say_what_they_were_measured_on(
    world: World, split: Literal["held_out", "trained_on", ""], words: str
) -> None:
    world.split = split
    job = training(world, steps=1)
    async with open_app(world) as user:
        world.finish(job)
        await user.press("6")
        await user.sees(words)
        assert split == "held_out" or "held out" not in user.text


async def test_a_phase_that_is_done_is_not_shown_as_a_job_that_is_done(world: World) -> None:
    job = training(world)
    async with open_app(world, (120, 40)) as user:
        await user.press("6")
        world.tell(job, p.Progressed(phase="fill", done=5, total=9, rate=1.0, seconds_left=4.0))
        await user.sees(" 55%", "4.0 s left")
        world.tell(job, p.Progressed(phase="fill", done=9, total=9, rate=1.0, seconds_left=0.0))
        await user.until(lambda: " 55%" not in user.text)
        assert "100%" not in user.text
        assert "s left" not in user.text


async def test_a_failed_job_shows_its_error_before_what_it_noted(world: World) -> None:
    job = training(world, steps=1)
    async with open_app(world, (80, 24)) as user:
        for number in range(30):
            world.tell(job, p.Noted(text=f"Warning {number}: this memorises."))
        world.finish(job, "failed", "The worker was killed: out of memory.")
        await user.press("6")
        await user.sees("The worker was killed: out of memory.")


async def test_the_next_step_speaks_of_the_job_that_failed(world: World) -> None:
    job = training(world, steps=1)
    async with open_app(world, (80, 24)) as user:
        await user.sees("job 1")
        world.finish(job, "failed", "The worker was killed: out of memory.")
        await user.sees("Job 1 failed, pane 6 says why.")
        await user.press("5")
        await user.sees("5 Loss · r2")
        again = training(world, steps=1)
        world.finish(again)
        await user.until(lambda: "failed" not in user.screen[-2])
