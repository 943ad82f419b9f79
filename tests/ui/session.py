"""A user at the keyboard of the app, with eyes on the screen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.events import Paste
from textual.pilot import Pilot

from brainsurg_tui.app import BrainSurgery
from brainsurg_tui.settings import Settings
from engine.service import protocol as p
from tests.ui.fake_engine import FakeEngine, World

_PATIENCE = 300
"""Looks at a condition before it counts as not fulfilled."""


class Session:
    """Presses keys, looks, waits."""

    def __init__(self, app: BrainSurgery, pilot: Pilot[None], world: World) -> None:
        self.app = app
        self.pilot = pilot
        self.world = world

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Paste a text into the field that the keys before lead to."""
        await self.until(lambda: hasattr(self.app.focused, "value"))
        before = self.app.focused.value
        self.app.post_message(Paste(text))
        await self.until(lambda: self.app.focused.value != before)

    @property
    def screen(self) -> list[str]:
        """The lines of the screen."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """All of the screen."""
        return "\n".join(self.screen)

    def line(self, part: str) -> str:
        """The first line that holds `part`."""
        return next(line for line in self.screen if part in line)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something to become so."""
        for _ in range(_PATIENCE):
            await asyncio.sleep(0.02)  # the screen is drawn first, then looked at
            if condition():
                return
        raise AssertionError(f"It did not come to that:\n{self.text}")

    async def sees(self, *parts: str) -> None:
        """Wait until the screen shows these."""
        await self.until(lambda: all(part in self.text for part in parts))

    def asked(self, kind: type) -> list[Any]:
        """What was asked of the engine, of one kind."""
        return [request for request in self.world.asked if isinstance(request, kind)]

    def said(self, part: str) -> bool:
        """Whether the user was told something like this."""
        return any(part in message.text for message in self.app.state.messages)

    async def settled(self) -> None:
        """Wait until the first questions are answered."""
        state = self.app.state
        await self.until(lambda: state.connection == "connected")
        if any(sae.scanned for sae in self.world.saes):
            await self.until(lambda: state.detail is not None)


@asynccontextmanager
async def open_app(
    world: World,
    size: tuple[int, int] = (80, 24),
    *,
    settings: Settings | None = None,
    memory: Path | None = None,
    settled: bool = True,
    toasts: bool = False,
    app: type[BrainSurgery] = BrainSurgery,
) -> AsyncIterator[Session]:
    """The app on a fake engine in a terminal of `size`."""

    async def connect() -> FakeEngine:
        return FakeEngine(world)

    opened = app(
        connect, settings=settings, memory_path=memory, workspace=world.workspace, first_wait=0.02
    )
    async with opened.run_test(size=size, notifications=toasts) as pilot:
        session = Session(opened, pilot, world)
        if settled:
            await session.settled()
        yield session


def training(world: World, steps: int = 0) -> int:
    """A training that runs and has reported `steps` times; its job's number."""
    job = world.submit(p.Train(name="r2", activations="acts1"))
    world.start(job.id)
    for step in range(1, steps + 1):
        world.report(job.id, step * 10)
    return job.id
