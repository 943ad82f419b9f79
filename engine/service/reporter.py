"""Progress inside a worker: thinned, timed and sent to the daemon; and how work is held or ended.

Work may call it thousands of times a second. What is passed on is kept rare: five times a second
at first, and ever less often as the job gets longer, so that a week's history stays small enough
to be read at once by a front end that comes late. Beside the figures of the work stands the memory
that the process takes.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from engine.figures import finite_figures
from engine.jobs.events import Noted, Progressed
from engine.progress import Cancelled
from engine.service.machine import own_memory

SHORTEST, LONGEST = 0.2, 2.0
"""Seconds between two reports, at the beginning of a phase and late in it."""
POINTS = 1000
"""About how many reports a phase sends before they come `LONGEST` apart."""
WINDOW = 10.0
"""Seconds over which a rate is taken."""


class Reporter:
    """The `Progress` of a worker. The work calls it; another thread pauses or abandons it."""

    def __init__(self, send: Callable[[Progressed | Noted], None]) -> None:
        self._send = send
        self._going = threading.Event()
        self._going.set()
        self._abandoned = threading.Event()
        self._phase = ""
        self._began = self._sent = 0.0
        self._marks: deque[tuple[float, int]] = deque()

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        self._hold_or_end()
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._began, self._sent = phase, now, 0.0
            self._marks.clear()
        pause = min(max((now - self._began) / POINTS, SHORTEST), LONGEST)
        if now - self._sent < pause and done != total:
            return
        self._sent = now
        rate = self._rate(now, done)
        self._send(
            Progressed(
                phase=phase,
                done=done,
                total=total,
                unit=unit,
                rate=rate,
                seconds_left=(total - done) / rate if rate and total is not None else None,
                metrics=finite_figures({**metrics, **own_memory()}) if metrics else {},
            )
        )

    def note(self, text: str) -> None:
        """Pass one sentence on, whatever the rate."""
        self._hold_or_end()
        self._send(Noted(text=text))

    @property
    def interrupted(self) -> bool:
        """Whether the work has been paused or abandoned, and doesn't know it yet."""
        return self._abandoned.is_set() or not self._going.is_set()

    def pause(self) -> None:
        """The work's next call blocks."""
        self._going.clear()

    def resume(self) -> None:
        """Let it go on; time spent held counts in no rate."""
        self._marks.clear()
        self._going.set()

    def abandon(self) -> None:
        """The work's next call raises Cancelled, also if it is held."""
        self._abandoned.set()
        self._going.set()

    def renew(self) -> None:
        """Forget what was abandoned: the next piece of work begins."""
        self._abandoned.clear()
        self._phase = ""

    def _hold_or_end(self) -> None:
        self._going.wait()
        if self._abandoned.is_set():
            raise Cancelled

    def _rate(self, now: float, done: int) -> float | None:
        self._marks.append((now, done))
        while len(self._marks) > 2 and self._marks[0][0] < now - WINDOW:
            self._marks.popleft()
        then, before = self._marks[0]
        return (done - before) / (now - then) if now > then and done > before else None
