"""Interactive questions: one worker, the session worker, holds a model and an SAE to answer them.

It is taken from the pool at the first question, answers one at a time, keeps what it loaded, and
is ended when nobody has asked for a while, because ending a process is how memory is given back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from engine.errors import UserError
from engine.service.faults import EngineFault
from engine.service.pool import Pool, Worker
from engine.service.protocol import (
    Abandon,
    Answer,
    Ask,
    Frame,
    Noted,
    Progressed,
    Question,
    Refusal,
    ReplyBody,
    Report,
)

KEEP = 900.0
"""Seconds without a question after which the session worker is ended."""
GRACE = 1.0
"""Seconds between asking the worker to give up a question and killing it."""


class Questions:
    """Hands questions to the session worker."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._one_at_a_time = asyncio.Lock()
        self._worker: Worker | None = None
        self._frames: AsyncIterator[Frame] | None = None
        self._expiry: asyncio.TimerHandle | None = None

    async def ask(
        self, question: Question, report: Callable[[Progressed | Noted], None]
    ) -> ReplyBody:
        """The answer to `question`; `report` hears how far it is.

        Raises UserError or EngineFault as the worker did. Cancelling gives the question up; the
        worker and what it has loaded survive if it notices within a second.
        """
        async with self._one_at_a_time:
            self._keep()
            try:
                worker = await self._session()
                await worker.send(Ask(id=0, request=question))
                return await self._reply(report)
            except asyncio.CancelledError:
                await self._give_up()
                raise
            finally:
                self._keep()

    async def _session(self) -> Worker:
        if self._worker is None or not self._worker.alive:
            self._worker = await self._pool.take("session", log="session")
            self._frames = self._worker.frames()
        return self._worker

    async def _reply(self, report: Callable[[Progressed | Noted], None]) -> ReplyBody:
        assert self._worker is not None
        assert self._frames is not None
        async for frame in self._frames:
            match frame:
                case Report(body):
                    report(body)
                case Answer(body=body):
                    return body
                case Refusal(bug=True):
                    raise EngineFault(frame.what, frame.trace)
                case Refusal():
                    raise UserError(frame.what, frame.do)
        status = await self._worker.ended()
        raise UserError(
            f"The worker that held the model ended (status {status}) before it had an answer;"
            " when nobody killed it by hand, the machine ran out of memory.",
            f"Its log is {self._worker.log}.",
        )

    async def _give_up(self) -> None:
        if self._worker is None or not self._worker.alive:
            return
        await self._worker.send(Abandon())
        try:
            await asyncio.wait_for(self._reply(lambda _: None), GRACE)
        except (TimeoutError, EngineFault):
            await self._worker.end()
        except UserError:
            return

    def _keep(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = asyncio.get_running_loop().call_later(KEEP, self._expire)

    def _expire(self) -> None:
        worker = self._worker
        if worker is not None and worker.alive and not self._one_at_a_time.locked():
            self._worker = None
            self._ending = asyncio.create_task(worker.end())
