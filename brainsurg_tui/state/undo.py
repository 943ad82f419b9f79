"""Changes that can be undone, and those that were undone and can be done again."""

from dataclasses import dataclass

from brainsurg_tui.state.parts import Publish, Published
from engine.service.protocol import Done, Request


@dataclass(frozen=True)
class UndoStep:
    """Something that the user did and may want undone."""

    title: str
    """What was done: `add a prompt`."""
    undo: Request[Done]
    """The request that takes it back."""
    redo: Request[Done]
    """The request that does it again."""


class UndoHistory(Published):
    """Two stacks: what can be undone, and what can be done again."""

    def __init__(self, publish: Publish) -> None:
        super().__init__(publish)
        self.undone: list[UndoStep] = []
        """Steps that can be done again, the next one last."""
        self.done: list[UndoStep] = []
        """Steps that can be undone, the next one last."""

    def record(self, step: UndoStep) -> None:
        """Add a step that was done; what had been undone before can't be done again."""
        self.done.append(step)
        self.undone.clear()
        self._publish("undo")

    def undo(self) -> UndoStep | None:
        """Move the last step to those that can be done again, and return it; None without any."""
        return self._move(self.done, self.undone)

    def redo(self) -> UndoStep | None:
        """Move the step undone last back to those that can be undone; None without any."""
        return self._move(self.undone, self.done)

    def _move(self, source: list[UndoStep], target: list[UndoStep]) -> UndoStep | None:
        if not source:
            return None
        step = source.pop()
        target.append(step)
        self._publish("undo")
        return step
