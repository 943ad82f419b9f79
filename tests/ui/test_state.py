"""The state says what changed, its owner alone changes it, and panes watch what they show."""

import ast
from pathlib import Path
from typing import get_args

from brainsurg_tui.panes.pane import Pane
from brainsurg_tui.state.parts import FREQUENT, StatePart
from brainsurg_tui.state.state import State
from engine.service import protocol as p
from tests.ui.fake_engine import World
from tests.ui.session import open_app, training

_TUI = Path(__file__).parents[2] / "brainsurg_tui"


def test_nobody_else_changes_the_state() -> None:
    """No assignment to what hangs on a name or attribute `state`, outside its folder."""
    for path in _TUI.rglob("*.py"):
        if path.parent.name == "state":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
                owner = ast.unparse(node.value).split(".")
                assert "state" not in owner, f"{path}:{node.lineno} changes the state"


async def test_panes_watch_parts_that_there_are_and_each_part_is_watched(world: World) -> None:
    parts = set(get_args(StatePart))
    async with open_app(world) as user:
        panes: list[Pane] = list(user.app.main.panes.values())
    assert parts >= FREQUENT
    assert all(pane.shows <= parts for pane in panes)
    in_lines_alone = {"status", "undo"}
    assert set.union(*(set(pane.shows) for pane in panes)) == parts - in_lines_alone


async def test_only_panes_that_show_what_changed_are_painted_and_each_once(world: World) -> None:
    async with open_app(world, (200, 60)) as user:
        await user.pilot.pause()
        painted: list[str] = []
        for name, pane in user.app.main.panes.items():
            show = pane.show
            pane.show = lambda name=name, show=show: (painted.append(name), show())  # type: ignore[method-assign]
        state = user.app.state
        train = p.Train(name="r2", activations="acts1")
        state.jobs.set(p.JobInfo(id=1, spec=train, state="queued", created=0.0))
        state.jobs.choose(1)
        await user.until(lambda: painted)
        assert sorted(painted) == ["jobs", "loss"]


async def test_reports_of_jobs_are_painted_together(world: World) -> None:
    job = training(world)
    async with open_app(world) as user:
        await user.press("6")
        painted = 0
        show = user.app.main.jobs.show

        def counted() -> None:
            nonlocal painted
            painted += 1
            show()

        user.app.main.jobs.show = counted
        for step in range(1, 301):
            world.report(job, step)
        await user.until(lambda: "300" in user.text)
        assert painted <= 3


def test_an_event_is_news_even_where_the_past_held_it_already() -> None:
    world, state = World(), State()
    job = training(world, steps=1)
    state.jobs.set(p.JobInfo(id=job, spec=world.jobs[job].spec, state="queued", created=0.0))
    state.jobs.add_past_events(job, world.events)
    assert all(map(state.jobs.add_event, world.events))
    assert state.jobs.by_id[job].state == "running"
    assert state.jobs.by_id[job].progress == world.jobs[job].progress
    assert not any(map(state.jobs.add_event, world.events))
