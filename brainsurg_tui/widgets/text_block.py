"""Text beside the tables."""

from rich.text import Text
from textual.widgets import Static


class TextBlock(Static):
    """A text that is drawn only when it is another one: every drawing is bytes over the link."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._shown: tuple[str, Text] = ("", Text())

    def show(self, text: Text | str) -> None:
        """Show `text`, of visible characters only."""
        text = Text(text) if isinstance(text, str) else text
        shown = (str(text.style), text)  # equality of texts leaves their base style out
        if shown != self._shown:
            self._shown = shown
            self.update(text, layout=self.styles.is_auto_height)
