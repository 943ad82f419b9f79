"""A letter on every pane; pressing it goes there."""

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Key
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.widgets import Static

LETTERS = "asdfgh"


class Jump(ModalScreen[str | None]):
    """Puts a letter on every pane of the main screen; returns the name of the pane whose letter was
    pressed, or None."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, places: Mapping[str, Offset]) -> None:
        """`places` maps the name of a pane to where its letter stands."""
        super().__init__()
        self._names = dict(zip(LETTERS, places, strict=False))
        self._places = places

    def compose(self) -> ComposeResult:
        """Put the letters where the panes are, or their names."""
        for letter, name in self._names.items():
            label = Static(f" {letter} ", classes="jump-letter", markup=False)
            label.styles.offset = self._places[name]
            yield label

    def on_key(self, event: Key) -> None:
        """Go where the letter says; any other key goes nowhere."""
        event.stop()
        event.prevent_default()
        self.dismiss(self._names.get(event.character or ""))
