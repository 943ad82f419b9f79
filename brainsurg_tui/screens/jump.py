"""A letter on everything that can be focused; pressing it goes there."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Key
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

LETTERS = "asdfghjkl"


class Jump(ModalScreen[Widget | None]):
    """The workbench stays visible under the letters."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, targets: Sequence[Widget]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        """Put the letters where the targets are."""
        for letter, target in self._targets.items():
            label = Static(f" {letter} ", classes="jump-letter", markup=False)
            label.styles.offset = (target.region.x + 1, target.region.y)
            yield label

    def on_key(self, event: Key) -> None:
        """Go where the letter says; any other key goes nowhere."""
        event.stop()
        event.prevent_default()
        self.dismiss(self._targets.get(event.character or ""))
