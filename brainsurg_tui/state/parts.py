"""What of the state changes, by name: whoever shows a part is painted when it is published."""

from collections.abc import Callable
from typing import Literal

StatePart = Literal[
    "connection",
    "status",
    "contents",
    "marked_prompts",
    "sae",
    "table",
    "notes",
    "filter",
    "feature",
    "detail",
    "examples",
    "relatives",
    "search",
    "search_progress",
    "clamp",
    "clamp_progress",
    "jobs",
    "job_events",
    "chosen_job",
    "undo",
]
"""What panes may show, and be painted for when it changes."""

FREQUENT: frozenset[StatePart] = frozenset({"job_events", "clamp_progress", "search_progress"})
"""Parts that change many times a second while the engine works."""

Publish = Callable[[frozenset[StatePart]], None]
"""Is given the parts that changed, after every change."""


class Published:
    """A piece of the state: it is changed by its own methods, which say what changed."""

    def __init__(self, publish: Publish) -> None:
        self._on_change = publish

    def _publish(self, *parts: StatePart) -> None:
        self._on_change(frozenset(parts))
