"""How long work says where it stands, and how it is paused or stopped.

Every function that takes long takes a `Progress` and calls it between two steps. The call may
return at once, block (the work is paused) or raise `Cancelled`. So no room knows about queues,
processes or screens.
"""

from collections.abc import Mapping
from typing import Protocol


class Cancelled(Exception):  # noqa: N818 - it is no error
    """Raised inside a `Progress` call when somebody has asked the work to stop."""


class Progress(Protocol):
    """Told about long work between two of its steps."""

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Say that `done` of `total` units (None: unknown) of a phase are finished.

        `metrics` are figures of this moment by their usual names (`loss`, `fvu`, `l0`, …).
        Calls are cheap and may come at any rate: the receiver decides what it keeps.
        """
        ...

    def note(self, text: str) -> None:
        """Say one sentence that the user should read: a warning, or what was decided for them."""
        ...

    @property
    def interrupted(self) -> bool:
        """Whether the next call will block or raise: the moment to save where the work stands."""
        ...


class Silent:
    """Progress that nobody watches."""

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        return

    def note(self, text: str) -> None:
        return

    @property
    def interrupted(self) -> bool:
        return False


SILENT: Progress = Silent()
"""For work that nobody watches; it holds no state, so one serves all."""
