"""The reports of earlier clamps."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from brainsurg_tui.screens.dialog import Dialog
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable
from brainsurg_tui.widgets.numbers import date_and_time, figure_or_dash
from engine.service.protocol import ClampInfo, ClampList


@dataclass(frozen=True)
class ClampChoice:
    """What the user wants with a report that is kept."""

    action: Literal["open", "delete"]
    id: int


class ClampsDialog(Dialog[ClampChoice | None]):
    """A table of all reports, newest first; returns what the user wants with one of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "delete", "Delete from disk", show=False, id="clamps.delete"),
        Binding("r,q", "leave", "Leave", show=False, id="clamps.leave"),
    ]

    def __init__(self, kept: ClampList, *, ascii_only: bool = False) -> None:
        super().__init__("Earlier clamps", "enter open   d delete   esc leave")
        self._kept = kept
        self._table = LineTable(
            Column("id", "no.", width=4, align="right", priority=9),
            Column("created", "when", width=16, priority=7),
            Column("edits", "edit", width=16, fraction=2, priority=8),
            Column("sae", "SAE", width=8, fraction=1, priority=6),
            Column("prompts", "prompts", width=7, align="right", priority=4),
            Column("view", "view", width=14, priority=2),
            Column("kl", "KL", width=7, align="right", priority=5),
            empty_text="none yet",
            ascii_only=ascii_only,
            id="clamps",
        )

    def content(self) -> Iterable[Widget]:
        """The table, and what can't be read."""
        yield self._table
        if self._kept.damaged:
            numbers = ", ".join(map(str, self._kept.damaged))
            yield Static(f"\nCan't be read: {numbers}", markup=False)

    def on_mount(self) -> None:
        """Fill the table."""
        self._table.set_rows(len(self._kept.clamps), lambda row: _cells(self._kept.clamps[row]))
        self._table.focus()

    @on(LineTable.Opened)
    def _open(self, event: LineTable.Opened) -> None:
        event.stop()
        self.dismiss(ClampChoice("open", self._kept.clamps[event.row].id))

    def action_delete(self) -> None:
        """Delete the report under the cursor."""
        if self._table.row is not None:
            self.dismiss(ClampChoice("delete", self._kept.clamps[self._table.row].id))


def _cells(kept: ClampInfo) -> tuple[str, ...]:
    return (
        str(kept.id),
        date_and_time(kept.created),
        kept.edits,
        kept.sae,
        str(kept.prompts),
        kept.view,
        figure_or_dash(kept.kl),
    )
