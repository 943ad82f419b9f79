"""What all dialogs share: a framed box in the middle, a title, and escape to leave."""

from collections.abc import Iterable
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from brainsurg_tui.widgets.visible import visible

Result = TypeVar("Result")


class Dialog(ModalScreen[Result]):
    """A framed box over the main screen; returns a result, or None where it is left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False, id="dialog.leave"),
    ]

    def __init__(self, title: str, hint: str = "esc leave") -> None:
        super().__init__()
        self._heading = title
        self._hint = hint

    def compose(self) -> ComposeResult:
        """Lay title, content and hint over each other."""
        with Vertical(classes="dialog"):
            yield Static(visible(self._heading), classes="dialog-title", markup=False)
            yield from self.content()
            yield Static(self._hint, classes="dialog-hint", markup=False)

    def content(self) -> Iterable[Widget]:
        """Everything between title and hint."""
        raise NotImplementedError

    def action_leave(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)
