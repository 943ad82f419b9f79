"""The app's side of the talk with the engine: connect, ask, listen, and begin again when lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

from engine.errors import UserError
from engine.service.faults import EngineFault, EngineGoneError
from engine.service.protocol import NewsBody, Request

R = TypeVar("R")


class Engine(Protocol):
    """What is connected to: the client of the real engine, or the fake one of the tests."""

    async def ask(self, request: Request[R]) -> R:
        """The answer to `request`. Raises UserError if there is none; cancelling gives it up."""
        ...

    def news(self) -> AsyncIterator[NewsBody]:
        """What happens without being asked, from the first `Watch` on. Ends with the engine."""
        ...

    async def close(self) -> None:
        """Leave the engine; it goes on without us."""
        ...


EngineFactory = Callable[[], Awaitable[Engine]]
"""Connects to an engine. Raises UserError, EngineGoneError or OSError where there is none."""

_LONGEST_WAIT = 10.0
"""Seconds between two tries to reach an engine, at most."""


class Listener(Protocol):
    """What is called when something happens to the connection."""

    async def on_connect(self) -> None:
        """The engine was reached."""
        ...

    def on_news(self, news: NewsBody) -> None:
        """The engine sent something that it was not asked for."""
        ...

    def on_loss(self, trouble: Exception | None) -> None:
        """The engine is gone, or could not be reached."""
        ...


class EngineLink:
    """Keeps a connection to an engine, and calls a listener; it knows nothing of panes."""

    def __init__(self, factory: EngineFactory, listener: Listener, *, first_wait: float) -> None:
        """`first_wait` seconds pass before a lost engine is looked for again, and twice as many
        before each further try."""
        self._factory = factory
        self._listener = listener
        self._first_wait = first_wait
        self._engine: Engine | None = None

    async def ask(self, request: Request[R]) -> R:
        """The answer to `request`. Raises UserError, or EngineGoneError, if there is none."""
        if self._engine is None:
            raise UserError("The engine is not there.", "It is being looked for; try again soon.")
        return await self._engine.ask(request)

    async def run(self) -> None:
        """Connect, listen until the engine is lost, begin again; for as long as the app runs."""
        wait = self._first_wait
        while True:
            trouble: Exception | None = None
            try:
                self._engine = await self._factory()
                await self._listener.on_connect()
                wait = self._first_wait
                async for news in self._engine.news():
                    self._listener.on_news(news)
            except (UserError, EngineFault, EngineGoneError, OSError) as error:
                trouble = error
            finally:
                await self.close()
            self._listener.on_loss(trouble)
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT, 2 * wait)

    async def close(self) -> None:
        """Leave the engine; it goes on without us."""
        engine, self._engine = self._engine, None
        if engine is not None:
            with contextlib.suppress(EngineGoneError, OSError):
                await engine.close()
