"""A connected front end, as the daemon sees it."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed

from engine.service.protocol import Frame, News, NewsBody, pack

MOST_UNREAD = 16 << 20
"""Bytes of news that wait for a front end at most; it is dropped if it doesn't read them."""

log = logging.getLogger("engine")


class FrontEnd:
    """A connection, and what is being answered on it."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.watches = False
        """Whether it wants to hear what happens without asking."""
        self._unread = 0
        """Bytes of news that it has not read yet, at most."""
        self._cancellable: dict[int, asyncio.Task[None]] = {}

    async def send(self, frame: Frame) -> None:
        """Send a frame; nothing happens if the front end is gone."""
        with contextlib.suppress(ConnectionClosed):
            await self.connection.send(pack(frame))

    def publish(self, body: NewsBody) -> None:
        """Send it news, without waiting until they are sent."""
        publish([self], body)

    def takes(self, size: int) -> bool:
        """Whether so many more bytes of news can wait for it. Where not, the connection is cut: it
        has stopped reading, and what waits for it is memory of the engine."""
        # What waits may be a large answer as well, which is no fault of its reader.
        waiting = self.connection.transport.get_write_buffer_size()
        self._unread = min(self._unread, waiting) + size
        if self._unread <= MOST_UNREAD:
            return True
        log.warning("a front end that reads no news is cut off: %d bytes wait for it", waiting)
        self.connection.transport.abort()
        return False

    def let_cancel(self, ask: int, task: asyncio.Task[None]) -> None:
        """From now on and until it is done, let it give up the request that `task` answers."""
        self._cancellable[ask] = task
        task.add_done_callback(lambda _: self._cancellable.pop(ask, None))

    def cancel(self, ask: int) -> None:
        """Give up a request, if that is one which can be given up and is not answered yet."""
        if (task := self._cancellable.pop(ask, None)) is not None:
            task.cancel()

    def cancel_all(self) -> None:
        """Give up every request that can be given up: nobody waits for the answers."""
        for ask in list(self._cancellable):
            self.cancel(ask)


def publish(front_ends: Iterable[FrontEnd], body: NewsBody) -> None:
    """Send news to some front ends, without waiting until they are sent. One that has stopped
    reading is cut off."""
    data = pack(News(body))
    broadcast([each.connection for each in front_ends if each.takes(len(data))], data)
