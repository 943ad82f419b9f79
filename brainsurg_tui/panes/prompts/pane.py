"""Pane 1: the prompts of the workspace."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.message import Message

from brainsurg_tui.actions import next_steps
from brainsurg_tui.actions.registry import bindings
from brainsurg_tui.panes.table_pane import TablePane
from brainsurg_tui.state.parts import StatePart
from brainsurg_tui.state.state import State
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable
from engine.service.protocol import SavedPrompt


class PromptsPane(TablePane):
    """Category and prompt, one a line."""

    heading = "Prompts"
    BINDINGS: ClassVar[list[BindingType]] = bindings("prompts")
    shows: ClassVar[frozenset[StatePart]] = frozenset({"connection", "contents"})
    columns = (
        Column("category", "category", width=11, priority=1),
        Column("prompt", "prompt", width=20, fraction=1, priority=2),
    )

    @dataclass
    class Edit(Message):
        """The user wants to write a prompt: a new one, or this one anew."""

        prompt: SavedPrompt | None

    @dataclass
    class Delete(Message):
        """The user wants these gone."""

        prompts: list[SavedPrompt]

    @dataclass
    class Marked(Message):
        """So many of the prompts that are shown are marked now."""

        prompts: int

    def __init__(self, name: str, state: State, *, ascii_only: bool = False) -> None:
        super().__init__(name, state, ascii_only=ascii_only)
        self._shown: tuple[list[SavedPrompt], str] = ([], "")

    def show(self) -> None:
        """Show the prompts."""
        state = self.state
        known = state.contents.prompts
        if (known, state.connection) == self._shown:
            return
        self._shown = (known, state.connection)
        self.table.marked &= set(range(len(known)))
        self.table.empty_text = next_steps.for_prompts(state)
        self.set_rows(len(known), lambda row: (known[row].category, known[row].prompt))
        self.check_remembered_filter()

    def row_text(self, row: int) -> str:
        """Category and prompt."""
        prompt = self.state.contents.prompts[row]
        return f"{prompt.category}\t{prompt.prompt}" if prompt.category else prompt.prompt

    def text_to_copy(self) -> str:
        """The prompt itself."""
        return "" if self.table.row is None else self.state.contents.prompts[self.table.row].prompt

    def marked_prompts(self) -> list[SavedPrompt]:
        """The marked prompts that are shown, in their order."""
        return [self.state.contents.prompts[row] for row in self.table.marked_rows()]

    def show_count(self) -> None:
        """Say how many prompts there are and how many are marked, here and to the other panes."""
        super().show_count()
        if (marked := len(self.table.marked_rows())) != self.state.marked_prompts:
            self.post_message(self.Marked(marked))

    def edit(self) -> None:
        """Change the prompt under the cursor."""
        if self.table.row is not None:
            self.post_message(self.Edit(self.state.contents.prompts[self.table.row]))

    @on(LineTable.Opened)
    def _edit(self, event: LineTable.Opened) -> None:
        event.stop()
        self.edit()

    def delete(self) -> None:
        """Delete the marked prompts, or the one under the cursor."""
        row = self.table.row
        doomed = self.marked_prompts() or (
            [] if row is None else [self.state.contents.prompts[row]]
        )
        if doomed:
            self.clear_marks()
            self.post_message(self.Delete(doomed))
