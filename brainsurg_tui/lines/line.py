"""What the three lines share: they are drawn from the state, and only when that looks different."""

from rich.text import Text
from textual.widget import Widget

from brainsurg_tui.state.state import State


class StatusLine(Widget):
    """One line of text about the state."""

    DEFAULT_CSS = "StatusLine { height: 1; }"

    def __init__(self, id: str, state: State, *, ascii_only: bool) -> None:
        super().__init__(id=id)
        self.ascii_only = ascii_only
        self.state = state
        self._text = Text()

    def show(self) -> None:
        """Draw the line again, where it reads otherwise by now."""
        if self.text() != self._text:
            self.refresh()

    def render(self) -> Text:
        """Draw the line."""
        self._text = self.text()
        return self._text.copy()

    def text(self) -> Text:
        """What the line reads in the present state."""
        raise NotImplementedError

    @property
    def accent(self) -> str:
        """The one colour of the theme that stands out."""
        return self.app.theme_variables["accent"]

    def fit(self, left: Text, right: Text) -> Text:
        """`left`, cut where it must be, and `right` at the right end."""
        room = max(0, self.size.width - right.cell_len - 1)
        if left.cell_len > room:
            left.truncate(room, overflow="ellipsis")
        left.append(" " * (self.size.width - left.cell_len - right.cell_len))
        return left.append_text(right)
