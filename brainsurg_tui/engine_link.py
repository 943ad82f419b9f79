"""The app's side of the talk with the engine: connect, ask, listen, and begin again when lost."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from brainsurg_tui.engine import Engine
from engine.errors import UserError
from engine.service.faults import EngineFault, EngineGoneError
from engine.service.protocol import NewsBody, Reply

R = TypeVar("R")

EngineFactory = Callable[[], Awaitable[Engine]]

_LONGEST_WAIT = 10.0


class Listener(Protocol):
    """Who is told."""

    async def greet(self) -> None:
        """The engine was found: ask it what there is to know."""
        ...

    def hear(self, body: NewsBody) -> None:
        """The engine tells something."""
        ...

    def lost(self, trouble: Exception | None) -> None:
        """The engine is gone, or was not found."""
        ...


class EngineLink:
    """Keeps an engine at hand, and tells a listener; it knows nothing of panes."""

    def __init__(self, factory: EngineFactory, listener: Listener, *, first_wait: float) -> None:
        """`first_wait` seconds pass before a lost engine is looked for again, and twice as many
        before each further try."""
        self._factory = factory
        self._listener = listener
        self._first_wait = first_wait
        self._engine: Engine | None = None

    async def ask(self, request: Reply[R]) -> R:
        """The answer to `request`. Raises UserError, or EngineGoneError, if there is none."""
        if self._engine is None:
            raise UserError("The engine is not there.", "It is being looked for; try again soon.")
        return await self._engine.ask(request)

    async def keep(self) -> None:
        """Connect, listen until the engine is lost, begin again; for as long as the app runs."""
        wait = self._first_wait
        while True:
            trouble: Exception | None = None
            try:
                self._engine = await self._factory()
                await self._listener.greet()
                wait = self._first_wait
                async for body in self._engine.news():
                    self._listener.hear(body)
            except (UserError, EngineFault, EngineGoneError, OSError) as error:
                trouble = error
            finally:
                await self.close()
            self._listener.lost(trouble)
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT, 2 * wait)

    async def close(self) -> None:
        """Leave the engine; it goes on without us."""
        engine, self._engine = self._engine, None
        if engine is not None:
            with contextlib.suppress(EngineGoneError, OSError):
                await engine.close()
