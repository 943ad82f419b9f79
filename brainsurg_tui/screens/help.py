"""All keys that work where the user stands, from the bindings themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import App
from textual.binding import ActiveBinding, Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from brainsurg_tui.actions.registry import find_action
from brainsurg_tui.panes.pane import Pane
from brainsurg_tui.screens.dialog import Dialog
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.filter_input import matcher
from brainsurg_tui.widgets.line_table import LineTable

_NAMES = {"↑": "up", "↓": "down", "←": "left", "→": "right", "⏎": "enter"}


@dataclass(frozen=True)
class KeyHelp:
    """One line of the help."""

    where: str
    keys: str
    title: str
    help: str
    enabled: bool


def keys_in(bindings: Iterable[ActiveBinding], app: App[None]) -> list[KeyHelp]:
    """The live bindings, one line for each action: the focused pane's first, then its table's,
    then those of the main screen and of the program."""
    grouped: dict[tuple[int, str, str], list[ActiveBinding]] = {}
    for active in bindings:
        binding = active.binding
        if binding.system or not binding.description:
            continue
        where, rank = _home(active.node)
        title = binding.id or binding.action
        grouped.setdefault((rank, where, title), []).append(active)
    lines = []
    for (_, where, _), same in sorted(grouped.items(), key=lambda item: item[0][0]):
        binding = same[0].binding
        action = find_action(binding.id)
        lines.append(
            KeyHelp(
                where=where,
                keys=" ".join(key_name(active.binding, app) for active in same),
                title=binding.description if action is None else action.title.rpartition(": ")[2],
                help="" if action is None else action.help,
                enabled=same[0].enabled,
            )
        )
    return lines


def key_name(binding: Binding, app: App[None]) -> str:
    """A key as people write it: `ctrl+p`, `?`, `down`."""
    shown = app.get_key_display(binding).replace("^", "ctrl+")
    return _NAMES.get(shown, shown)


def _home(node: DOMNode) -> tuple[str, int]:
    if isinstance(node, Pane):
        return node.heading, 0
    if isinstance(node, App):
        return "everywhere", 3
    if isinstance(node, Screen):
        return "panes", 2
    return "table", 1


class Help(Dialog[None]):
    """A list of keys and what they do, with a filter over it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("f1", "leave", show=False),
    ]

    def __init__(self, lines: Sequence[KeyHelp], *, ascii_only: bool = False) -> None:
        super().__init__("Help · keys that work here", "type to filter   ↑↓ scroll   esc leave")
        self._lines = lines
        self._table = LineTable(
            Column("where", "where", width=10, priority=1),
            Column("keys", "keys", width=14, priority=3),
            Column("title", "does", width=24, fraction=1, priority=4),
            Column("help", "", width=30, fraction=3, priority=0),
            ascii_only=ascii_only,
        )
        self._table.can_focus = False

    def content(self) -> Iterable[Widget]:
        """A filter over the list."""
        field = Input(placeholder="filter", compact=True)
        field.cursor_blink = False
        yield field
        yield self._table

    def on_mount(self) -> None:
        """Show everything at first."""
        self._show("")

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        self._show(event.value)

    @on(Input.Submitted)
    def _done(self) -> None:
        self.action_leave()

    def _show(self, pattern: str) -> None:
        matches = matcher(pattern)
        lines = [
            line
            for line in self._lines
            if matches(f"{line.where} {line.keys} {line.title} {line.help}")
        ]
        self._table.empty_text = "No key does that."
        self._table.set_rows(len(lines), lambda row: _cells(lines[row]))

    def action_move(self, rows: int) -> None:
        """Scroll the list."""
        self._table.action_move(rows)


def _cells(line: KeyHelp) -> tuple[str, str, str, str]:
    title = line.title if line.enabled else f"{line.title} (not now)"
    return line.where, line.keys, title, line.help
