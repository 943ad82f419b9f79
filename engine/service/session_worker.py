"""Interactive questions: one worker, the session worker, holds a model and an SAE to answer them.

It is taken from the pool at the first question, answers one at a time, keeps what it loaded, and
is ended when nobody has asked for a while, because ending a process is how memory is given back.
"""

import asyncio
import itertools
from collections.abc import Callable

from engine.errors import UserError
from engine.service.faults import EngineFault
from engine.service.pool import Pool, Worker
from engine.service.protocol import (
    Abandon,
    Answer,
    Ask,
    Noted,
    Progressed,
    Question,
    R,
    Refusal,
    WorkProgress,
    decode_reply,
    encode_body,
)

KEEP = 900.0
"""Seconds without a question after which the session worker is ended."""
GRACE = 1.0
"""Seconds between asking the worker to give up a question and killing it."""


class SessionWorker:
    """Hands questions to the session worker, which it starts and ends."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._one_at_a_time = asyncio.Lock()
        self._worker: Worker | None = None
        self._ids = itertools.count(1)
        self._expiry: asyncio.TimerHandle | None = None

    async def ask(self, question: Question[R], report: Callable[[Progressed | Noted], None]) -> R:
        """The answer to `question`; `report` hears how far it is.

        Raises UserError or EngineFault as the worker did. Cancelling gives the question up; the
        worker and what it has loaded survive if it notices soon.
        """
        async with self._one_at_a_time:
            self._postpone_end()
            worker = await self._worker_at_hand()
            ask = Ask(id=next(self._ids), request=encode_body(question))
            try:
                await worker.send(ask)
                return decode_reply(await self._answer(worker, ask.id, report), question)
            except asyncio.CancelledError:
                await self._give_up(worker, ask.id)
                raise
            except EngineFault:
                await worker.end()  # a bug may have left it, or its GPU, in any state
                raise
            finally:
                self._postpone_end()

    async def _worker_at_hand(self) -> Worker:
        if self._worker is None or not self._worker.alive:
            self._worker = await self._pool.take("session", log="session")
        return self._worker

    async def _answer(
        self, worker: Worker, id: int, report: Callable[[Progressed | Noted], None]
    ) -> Answer:
        while (frame := await worker.receive()) is not None:
            match frame:
                case WorkProgress(body):
                    report(body)
                case Answer() if frame.id == id:
                    return frame
                case Refusal(bug=True) if frame.id == id:
                    raise EngineFault(frame.what, frame.trace)
                case Refusal() if frame.id == id:
                    raise UserError(frame.what, frame.do)
        status = await worker.wait()
        raise UserError(
            f"The worker that held the model ended (status {status}) before it had an answer;"
            " when nobody killed it by hand, the machine ran out of memory.",
            f"Its log is {worker.log}.",
        )

    async def _give_up(self, worker: Worker, id: int) -> None:
        try:
            async with asyncio.timeout(GRACE):
                await worker.send(Abandon())
                await self._answer(worker, id, lambda _: None)
        except (TimeoutError, EngineFault):
            await worker.end()
        except UserError:
            return

    def _postpone_end(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = asyncio.get_running_loop().call_later(KEEP, self._end_if_idle)

    def _end_if_idle(self) -> None:
        worker = self._worker
        if worker is not None and worker.alive and not self._one_at_a_time.locked():
            self._worker = None
            self._ending = asyncio.create_task(worker.end())
