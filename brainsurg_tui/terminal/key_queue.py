"""Keys one after another: each goes where the one before it led.

Over a slow link many keys arrive at once. Textual hands each to what has the focus at that moment,
though the key before may be about to move it: of `/name` and of `l` and a label, the letters would
be obeyed as commands, or be lost. Here a key waits until all that the last one did has been done.
"""

from collections import deque
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import App
from textual.events import Event, Key, Paste
from textual.message import Message
from textual.message_pump import MessagePump
from textual.timer import Timer

_ROUNDS = 3
"""How often a message follows a key through the same widgets: what handles a key may post another
message, and what handles that may post one more, before the focus moves."""
_AGAIN = 0.01
"""Seconds between two looks at a dialog that is not there yet, or is busy."""
_LOST = 1.0
"""Seconds after which a message is not waited for: its widget was removed."""


class _Passed(Message):
    """Went through every widget that a key went through, after it."""

    def __init__(self, turn: int, target: MessagePump, rounds: int) -> None:
        super().__init__()
        self.turn = turn
        self.target = target
        self.rounds = rounds


class KeyQueueApp(App[None]):
    """An app that handles keys and pastes one at a time, each when the one before is done."""

    BUSY: ClassVar[str] = "-busy"
    """Class of a screen that takes no keys for the moment, but for those that leave it."""
    _LEAVING: ClassVar[tuple[str, ...]] = ("escape", "ctrl+c", "ctrl+q")

    def __init__(self) -> None:
        super().__init__()
        self._ahead: deque[Key | Paste] = deque()
        self._turn = 0
        self._lost: Timer | None = None
        self._taking = False

    async def on_event(self, event: Event) -> None:
        """Queue keys and pastes, and handle everything else at once."""
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._ahead.append(event)
        if not self._taking:
            await self._take_next()

    async def _take_next(self) -> None:
        self._taking = bool(self._ahead)
        if not self._ahead:
            return
        event, screen = self._ahead[0], self.screen
        leaving = isinstance(event, Key) and event.key in self._LEAVING
        if not screen.is_mounted or (screen.has_class(self.BUSY) and not leaving):
            self.set_timer(_AGAIN, self._take_next)
            return
        self._ahead.popleft()
        self._turn += 1
        target = self.focused or screen
        self._lost = self.set_timer(_LOST, partial(self._end_turn, self._turn))
        await super().on_event(event)
        self._follow(target, _ROUNDS)

    def _follow(self, target: MessagePump, rounds: int) -> None:
        if not target.post_message(_Passed(self._turn, target, rounds)):
            self.post_message(_Passed(self._turn, self, rounds))

    @on(_Passed)
    async def _go_round(self, event: _Passed) -> None:
        event.stop()
        if event.turn == self._turn and event.rounds > 1:
            self._follow(event.target, event.rounds - 1)
        elif event.turn == self._turn:
            await self._end_turn(event.turn)

    async def _end_turn(self, turn: int) -> None:
        if turn != self._turn or not self._taking:
            return
        self._turn += 1
        if self._lost is not None:
            self._lost.stop()
        await self._take_next()
