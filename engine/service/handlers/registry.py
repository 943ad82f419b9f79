"""Which function answers which request, and where it runs.

A handler is registered where it is defined, with the request that it answers:

    @on_loop(p.GetJob)     runs in the daemon's event loop: quick, or a coroutine that waits
    @in_thread(p.Grep)     runs in a thread of the daemon: may take long, and can be given up

A question that has no handler here goes to the session worker, where the handlers of
`engine.service.worker_handlers` run.
"""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.errors import UserError
from engine.service import protocol as p
from engine.service.handlers.context import Context, ThreadContext
from engine.service.reporter import Reporter


@dataclass(frozen=True)
class Handler:
    """How a request is answered."""

    answer: Callable[[Any, Context], Awaitable[Any]]
    cancellable: bool
    """Whether who asks can give it up. A change that was asked for is made all the same."""
    changes: bool = False
    """Whether it changes the workspace, so that one which can only be read must refuse it."""


Asked = TypeVar("Asked", bound=p.Request[Any])
OnLoop = Callable[[Asked, Context], Any]
InThread = Callable[[Asked, ThreadContext], Any]

_HANDLERS: dict[type[p.Request[Any]], Handler] = {}


def on_loop(
    request: type[Asked], *, changes: bool = False
) -> Callable[[OnLoop[Asked]], OnLoop[Asked]]:
    """Register the function, or coroutine function, that answers a request on the daemon's loop.

    `changes`: it changes what the workspace holds, so that it is refused where nothing can be
    written.
    Like every handler it returns the reply that the request names, and may raise UserError.
    """

    def register(function: OnLoop[Asked]) -> OnLoop[Asked]:
        @functools.wraps(function)
        async def answer(asked: Asked, context: Context) -> Any:
            reply = function(asked, context)
            return await reply if inspect.isawaitable(reply) else reply

        cancellable = issubclass(request, p.Question)
        _HANDLERS[request] = Handler(answer, cancellable, changes)
        return function

    return register


def in_thread(request: type[Asked]) -> Callable[[InThread[Asked]], InThread[Asked]]:
    """Register the function that answers a request in a thread of its own.

    When the request is given up, the function's progress raises Cancelled at its next call.
    """

    def register(function: InThread[Asked]) -> InThread[Asked]:
        @functools.wraps(function)
        async def answer(asked: Asked, context: Context) -> Any:
            sae = getattr(asked, "sae", None)
            notes = {} if sae is None else context.notes.of(sae)
            progress = Reporter(lambda _: None)
            try:
                return await asyncio.to_thread(
                    function, asked, ThreadContext(context.workspace, notes, progress)
                )
            except asyncio.CancelledError:
                progress.abandon()
                raise

        _HANDLERS[request] = Handler(answer, cancellable=True)
        return function

    return register


async def _ask_worker(question: p.Question[p.R], context: Context) -> p.R:
    return await context.ask_worker(question)


_IN_WORKER = Handler(_ask_worker, cancellable=True)


def answered_requests() -> set[type[p.Request[Any]]]:
    """Every request that has a handler in the daemon."""
    return set(_HANDLERS)


def handler_of(request: p.Request[Any]) -> Handler:
    """What answers a request. Raises UserError if nothing does."""
    handler = _HANDLERS.get(type(request))
    if handler is not None:
        return handler
    if isinstance(request, p.Question):
        return _IN_WORKER
    raise UserError(f"The engine does not answer {type(request).__name__}.")
