"""What the three lines share: they are drawn from the state, and only when that looks different."""

from rich.text import Text
from textual.widget import Widget

from brainsurg_tui.state.state import State


class Line(Widget):
    """One line of text about the state."""

    DEFAULT_CSS = "Line { height: 1; }"

    def __init__(self, id: str, *, ascii_only: bool) -> None:
        super().__init__(id=id)
        self.ascii_only = ascii_only
        self.state = State()
        self._drawn = Text()

    def show(self, state: State) -> None:
        """Draw anew, where something is new."""
        self.state = state
        if self.drawn() != self._drawn:
            self.refresh()

    def render(self) -> Text:
        """Draw the line."""
        self._drawn = self.drawn()
        return self._drawn.copy()

    def drawn(self) -> Text:
        """The line for the present state."""
        raise NotImplementedError

    @property
    def accent(self) -> str:
        """The one colour."""
        return self.app.theme_variables["accent"]

    def fitted(self, left: Text, right: Text) -> Text:
        """`left`, cut where it must be, and `right` at the right end."""
        room = max(0, self.size.width - right.cell_len - 1)
        if left.cell_len > room:
            left.truncate(room, overflow="ellipsis")
        left.append(" " * (self.size.width - left.cell_len - right.cell_len))
        return left.append_text(right)
