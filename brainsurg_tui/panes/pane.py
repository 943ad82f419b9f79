"""What all panes are: one title line, and something that takes the focus."""

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widget import Widget

from brainsurg_tui.exports import Export
from brainsurg_tui.layout import PANES
from brainsurg_tui.state.parts import StatePart
from brainsurg_tui.state.state import State
from brainsurg_tui.widgets.cells import clip
from brainsurg_tui.widgets.visible import visible

_DOT = " · "


class PaneTitle(Widget):
    """`2 Features · r2 ──────── 37 of 24,576 · max`; heavier and coloured where the focus is."""

    DEFAULT_CSS = """
    PaneTitle {
        height: 1;
        color: $text-muted;
        &.-active { color: $accent; }
    }
    """

    subject: reactive[str] = reactive("")
    """What the pane shows at present."""
    info: reactive[str] = reactive("")
    """Figures, at the right end."""
    active: reactive[bool] = reactive(False)
    """Whether the pane has the focus."""
    ascii_only: reactive[bool] = reactive(False)

    def __init__(self, heading: str) -> None:
        super().__init__()
        self._heading = heading

    def watch_active(self, active: bool) -> None:
        """Take the accent, or leave it."""
        self.set_class(active, "-active")

    def render(self) -> Text:
        """Draw the line."""
        rule = "─━"[self.active]
        left = f" {self._heading} "
        info = f" {visible(self.info, ascii_only=self.ascii_only)} " if self.info else ""
        room = self.size.width - len(left) - len(info) - len(_DOT)
        subject = clip(visible(self.subject, ascii_only=self.ascii_only), room)
        text = Text(left, style="bold", no_wrap=True, end="")
        if subject:
            text = Text.assemble(
                left.rstrip(), (f"{_DOT}{subject} ", "not bold"), style="bold", end=""
            )
        fill = self.size.width - text.cell_len - Text(info).cell_len
        return Text.assemble(
            text, (rule * max(0, fill), "dim not bold"), (info, "not bold"), end=""
        )


class Pane(Vertical):
    """One of the six, or a sheet over them: shows parts of the state, and posts what is wanted.

    `show` is called when one of the parts in `shows` has changed.
    """

    heading: ClassVar[str]
    shows: ClassVar[frozenset[StatePart]]

    DEFAULT_CSS = """
    Pane { background: transparent; }
    """

    def __init__(self, name: str, state: State, *, ascii_only: bool = False) -> None:
        """`state` is read, and never changed here."""
        super().__init__(name=name, id=name)
        self.ascii_only = ascii_only
        self.state = state
        number = f"{PANES.index(name) + 1} " if name in PANES else ""
        self.title_line = PaneTitle(f"{number}{self.heading}")
        self.title_line.ascii_only = ascii_only

    def compose(self) -> ComposeResult:
        """Lay the title over the rest."""
        yield self.title_line
        yield from self.body()

    def body(self) -> Iterable[Widget]:
        """Everything under the title."""
        raise NotImplementedError

    @property
    def target(self) -> Widget:
        """The widget that takes the focus."""
        raise NotImplementedError

    def show(self) -> None:
        """Show what the state says of this pane's subject, drawing only what is new."""
        raise NotImplementedError

    # What every pane may be able to do; a pane without it says so by returning nothing.

    def open_filter(self) -> None:
        """Let the user type a filter."""

    def clear_filter(self) -> bool:
        """Show everything again; False if everything was shown."""
        return False

    def clear_marks(self) -> None:
        """Unmark every row."""

    def step(self, rows: int) -> None:
        """Go to the next or previous match."""

    def text_to_copy(self) -> str:
        """What the copy key takes from this pane; empty where there is nothing."""
        return ""

    def exports(self) -> list[Export]:
        """The files that the export key writes; none where there is nothing to write."""
        return []
