"""Finding the engine, losing it, finding it again."""

import asyncio

from brainsurg_tui.app import BrainSurgery
from engine.errors import UserError
from engine.service import protocol as p
from engine.service.faults import EngineFault
from tests.ui.fake_engine import FakeEngine, World
from tests.ui.session import Session, open_app, training


async def test_the_first_picture_comes_before_the_engine(world: World) -> None:
    gate = asyncio.Event()

    async def connect() -> FakeEngine:
        await gate.wait()
        return FakeEngine(world)

    app = BrainSurgery(connect)
    async with app.run_test(size=(80, 24)) as pilot:
        user = Session(app, pilot, world)
        await user.sees("1 Prompts", "connecting")
        assert not world.asked
        await user.press("2", "C", "T", "?")
        gate.set()
        await user.press("escape")
        await user.settled()
        await user.sees("● engine")


async def test_a_lost_engine_is_told_and_found_again(world: World) -> None:
    job = training(world, steps=3)
    async with open_app(world) as user:
        await user.until(lambda: len(user.app.state.jobs.history(job)))
        world.die()
        await user.until(lambda: user.said("The engine is gone"))
        await user.until(lambda: user.said("The engine is there again."))
        world.report(job, 40)
        await user.until(
            lambda: user.app.state.jobs.history(job).curve("loss")[0] == [10, 20, 30, 40]
        )


async def test_an_engine_that_cannot_start_says_why_once(world: World) -> None:
    tries = 0

    async def connect() -> FakeEngine:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise UserError("/here can't be written.", "Choose another workspace.")
        return FakeEngine(world)

    app = BrainSurgery(connect, first_wait=0.01)
    async with app.run_test(size=(80, 24)) as pilot:
        user = Session(app, pilot, world)
        await user.settled()
        told = [m for m in app.state.messages if "can't be written" in m.text]
        assert len(told) == 1


async def test_a_bug_in_the_engine_is_told_with_its_traceback(world: World, monkeypatch) -> None:
    async with open_app(world) as user:

        async def fail(self: FakeEngine, request: object) -> object:
            raise EngineFault("KeyError: 7", "Traceback (most recent call last):\n  KeyError: 7")

        monkeypatch.setattr(FakeEngine, "ask", fail)
        await user.press("1", "d")
        await user.until(lambda: user.said("The engine failed: KeyError: 7"))
        await user.press("m")
        await user.sees("Traceback (most recent call last):")


async def test_what_the_engine_refuses_is_told_and_loses_nothing(world: World, monkeypatch) -> None:
    async with open_app(world) as user:
        ask = FakeEngine.ask

        async def refuse(self: FakeEngine, request: object) -> object:
            if isinstance(request, p.RestorePrompts):
                raise UserError("The workspace can't be written.", "Free some space.")
            return await ask(self, request)

        monkeypatch.setattr(FakeEngine, "ask", refuse)
        await user.press("1", "d")
        await user.until(lambda: user.said("The workspace can't be written. Free some space."))
        assert len(user.app.state.contents.prompts) == 7
        assert not user.app.state.undo_history.done


async def test_the_gpu_is_shown_where_there_is_one(world: World) -> None:
    world.gpus = [p.Gpu(name="H200", used=18_000_000_000, total=140_000_000_000, utilisation=41)]
    async with open_app(world, (120, 40)) as user:
        await user.sees("GPU 41% 18/140 GB")
