"""A progress of jobs that tests read from, and stop a training by."""

from collections.abc import Mapping

from engine.progress import Cancelled, Silent


class Noting(Silent):
    """Keeps its notes; cancels a training at a step, if one is named."""

    def __init__(self, step: int | None = None) -> None:
        self.step = step
        self.notes: list[str] = []

    def __call__(
        self,
        phase: str,
        done: int,
        total: int | None = None,
        unit: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        if phase == "train" and done == self.step:
            raise Cancelled

    def note(self, text: str) -> None:
        self.notes.append(text)

    def has(self, part: str) -> bool:
        """Whether a note has `part` in it."""
        return any(part in note for note in self.notes)
