"""What the app needs of an engine; the client of the real one and the tests' fake both give it."""

from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

from engine.service.protocol import NewsBody, Request

R = TypeVar("R")


class Engine(Protocol):
    """Somebody who answers requests and tells news."""

    async def ask(self, request: Request[R]) -> R:
        """The answer to `request`. Raises UserError if there is none; cancelling gives it up."""
        ...

    def news(self) -> AsyncIterator[NewsBody]:
        """What happens without being asked, from the first `Watch` on. Ends with the engine."""
        ...

    async def close(self) -> None:
        """Leave the engine; it goes on without us."""
        ...
