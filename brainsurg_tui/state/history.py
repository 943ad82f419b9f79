"""The past of one job: the figures it reported and the sentences it said.

What is asked for (`GetEvents`) and what is told (`News`) overlap and come in any order; `seq`
puts both together without gaps or repetitions.
"""

from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter

from engine.service.protocol import Event, Figure, Noted, Progressed

_seq = attrgetter("seq")


class History:
    """Events of one job, in order, each once."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def add(self, event: Event) -> bool:
        """Add an event that just arrived; False if it was known already."""
        place = bisect_right(self._events, event.seq, key=_seq)
        if place and self._events[place - 1].seq == event.seq:
            return False
        self._events.insert(place, event)
        return True

    def add_past(self, events: Iterable[Event]) -> None:
        """Take in an answer to `GetEvents`, without losing what was told meanwhile."""
        known = {event.seq: event for event in (*events, *self._events)}
        self._events = sorted(known.values(), key=_seq)

    def curve(self, metric: str) -> tuple[list[int], list[float]]:
        """The steps at which `metric` was reported as a finite number, and its values there."""
        points: dict[int, float] = {}
        for event in self._events:
            if isinstance(event.body, Progressed):
                value = event.body.metrics.get(metric)
                if value is not None:
                    points[event.body.done] = value
        steps = sorted(points)  # a job that was resumed has gone back to its last checkpoint
        return steps, [points[step] for step in steps]

    def curves(self, metric: str) -> dict[str, tuple[list[int], list[float]]]:
        """The curve of `metric`, by its name; where it was reported of several trainings at once,
        the curve of each, by the trainings' names."""
        runs = [run for name, _, run in self._names() if name == metric and run]
        if not runs:
            return {metric: self.curve(metric)}
        return {run: self.curve(f"{metric} {run}") for run in runs}

    def runs(self) -> int:
        """How many trainings have reported beside each other; 0 where it is a single one."""
        return len({run for _, _, run in self._names() if run})

    def metrics(self) -> list[str]:
        """Names of all metrics reported so far, in the order in which they appeared; of several
        trainings at once, those of their means."""
        return [name for name, _, run in self._names() if not run]

    def _names(self) -> list[tuple[str, str, str]]:
        """Every metric as it was reported, in two: `loss` and, where it is of one of several
        trainings, that one's name."""
        names: dict[str, None] = {}
        for event in self._events:
            if isinstance(event.body, Progressed):
                names.update(dict.fromkeys(event.body.metrics))
        return [name.partition(" ") for name in names]

    def rows(self) -> list[dict[str, Figure]]:
        """Every report that carried metrics: its time, its step and the metrics."""
        return [
            {"time": event.time, "step": event.body.done, **event.body.metrics}
            for event in self._events
            if isinstance(event.body, Progressed) and event.body.metrics
        ]

    def newest(self) -> Progressed | None:
        """The newest report that carried metrics."""
        for event in reversed(self._events):
            if isinstance(event.body, Progressed) and event.body.metrics:
                return event.body
        return None

    def notes(self) -> list[str]:
        """What the job wanted read, oldest first."""
        return [event.body.text for event in self._events if isinstance(event.body, Noted)]

    def __len__(self) -> int:
        return len(self._events)
