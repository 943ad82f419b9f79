"""A question with a few answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Static

from brainsurg_tui.screens.dialog import Dialog
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable
from brainsurg_tui.widgets.visible import visible


@dataclass(frozen=True)
class Choice:
    """One answer: its key, what it says, and what the dialog returns for it."""

    key: str
    text: str
    value: str


class ChoiceDialog(Dialog[str | None]):
    """Asks a question; returns the value of the answer chosen by its key or the cursor, or None."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, title: str, question: str, answers: Sequence[Choice]) -> None:
        super().__init__(title, "enter choose   esc leave it as it is")
        self._question = question
        self._answers = answers

    def content(self) -> Iterable[Widget]:
        """The question over its answers."""
        if self._question:
            yield Static(visible(self._question), classes="question", markup=False)
        table = LineTable(Column("key", "", width=2), Column("text", "", width=10, fraction=1))
        table.styles.height = len(self._answers) + 1
        table.set_rows(
            len(self._answers), lambda row: (self._answers[row].key, self._answers[row].text)
        )
        yield table

    def on_key(self, event: Key) -> None:
        """Take the answer whose key was pressed."""
        for answer in self._answers:
            if event.character == answer.key:
                event.stop()
                self.dismiss(answer.value)

    @on(LineTable.Opened)
    def _choose(self, event: LineTable.Opened) -> None:
        event.stop()
        self.dismiss(self._answers[event.row].value)
