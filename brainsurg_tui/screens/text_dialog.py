"""A text that is longer than its pane, to be scrolled and copied."""

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from brainsurg_tui.screens.dialog import Dialog


class TextDialog(Dialog[None]):
    """A text, or a widget that draws one, in a box that scrolls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", "Down", show=False, id="reading.down"),
        Binding("k,up", "scroll(-1)", "Up", show=False, id="reading.up"),
        Binding("g,home", "top", "Beginning", show=False, id="reading.top"),
        Binding("G,end", "bottom", "End", show=False, id="reading.bottom"),
        Binding("y", "copy", "Copy", show=False, id="reading.copy"),
        Binding("q,enter", "leave", "Leave", show=False, id="reading.leave"),
    ]

    def __init__(self, title: str, text: Text | Widget, plain: str = "", *, hint: str = "") -> None:
        super().__init__(title, f"j k scroll   {hint}y copy   esc leave")
        self._text = text
        self._plain = plain or (text.plain if isinstance(text, Text) else "")

    def content(self) -> Iterable[Widget]:
        """The text in a scrolling box."""
        with VerticalScroll(classes="reading"):
            if isinstance(self._text, Widget):
                yield self._text
            else:
                yield Static(self._text, markup=False)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_top(self) -> None:
        """Scroll to the beginning."""
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def action_bottom(self) -> None:
        """Scroll to the end."""
        self.query_one(VerticalScroll).scroll_end(animate=False)

    def action_copy(self) -> None:
        """Copy the text to the clipboard."""
        self.app.copy_to_clipboard(self._plain)
        self.app.notify("Copied.", markup=False)
