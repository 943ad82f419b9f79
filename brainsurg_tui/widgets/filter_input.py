"""A live filter in one line: a regular expression, inverted by a leading `!`, or another text."""

import re
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from brainsurg_tui.widgets.visible import visible


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return whether-it-matches for a filter pattern; it never raises.

    A pattern without capitals ignores case. A leading `!` inverts. What is no regular
    expression, as while one is being typed, is looked for as it stands. The empty pattern
    matches everything.
    """
    inverted, expression = _parts(pattern)
    if not expression:
        return lambda text: True
    if fault(pattern):
        expression = re.escape(expression)
    capitals = re.search(r"[A-Z]", re.sub(r"\\.", "", expression))
    search = re.compile(expression, 0 if capitals else re.IGNORECASE).search
    if inverted:
        return lambda text: search(text) is None
    return lambda text: search(text) is not None


def fault(pattern: str) -> str:
    """Return what keeps the pattern from being a regular expression; empty where nothing does."""
    try:
        re.compile(_parts(pattern)[1])
    except re.error as error:
        return error.msg.split(",")[0]
    except (OverflowError, RecursionError) as error:
        return str(error)
    return ""


def _parts(pattern: str) -> tuple[bool, str]:
    return pattern.startswith("!"), pattern.removeprefix("!")


class FilterInput(Horizontal):
    """The line to type a filter into; hidden until `open`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close(False)", "Clear the filter", show=False, id="filter.clear"),
    ]
    DEFAULT_CSS = """
    FilterInput {
        height: 1;
        display: none;

        & > .filter--slash { width: 1; color: $accent; }
        & > Input { width: 1fr; }
        & > .filter--note { width: auto; max-width: 60%; color: $text-muted; }
        &.-faulty > .filter--note { color: $text-warning; }
    }
    """

    class Changed(Message):
        """Another pattern was typed."""

        def __init__(self, filter_input: "FilterInput", pattern: str) -> None:
            super().__init__()
            self.filter_input = filter_input
            self.pattern = pattern

        @property
        def control(self) -> "FilterInput":
            """The filter line."""
            return self.filter_input

        def can_replace(self, message: Message) -> bool:
            """Let only the last of several waiting patterns be handled."""
            return isinstance(message, FilterInput.Changed) and message.control is self.control

    class Closed(Message):
        """The line was left; `kept` says whether its filter stays."""

        def __init__(self, filter_input: "FilterInput", kept: bool) -> None:
            super().__init__()
            self.filter_input = filter_input
            self.kept = kept

        @property
        def control(self) -> "FilterInput":
            """The filter line."""
            return self.filter_input

    def __init__(
        self,
        *,
        regex: bool = True,
        example: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """With `regex` false the text is in another language, and its faults are another's to
        tell. `example` is shown while nothing is typed."""
        super().__init__(id=id, classes=classes)
        self._regex = regex
        self._example = example
        self._count = ""

    def compose(self) -> ComposeResult:
        """Lay a slash, the field and a note beside each other."""
        yield Static("/", classes="filter--slash", markup=False)
        yield Input(placeholder=self._example, compact=True)
        yield Static("", classes="filter--note", markup=False)

    @property
    def pattern(self) -> str:
        """The pattern as typed."""
        return self.query_one(Input).value

    def open(self, pattern: str = "", *, mend: bool = False) -> None:
        """Show the line and put the cursor in it; what is typed takes the place of `pattern`, or
        with `mend` goes on with it."""
        self.display = True
        field = self.query_one(Input)
        field.cursor_blink = False
        field.value = pattern
        field.cursor_position = len(pattern)
        field.select_on_focus = not mend
        field.focus()

    def set_count(self, shown: int, total: int) -> None:
        """Say how many rows the filter lets through."""
        self._count = f"{shown:,} of {total:,}"
        self._refresh_note()

    def _refresh_note(self) -> None:
        wrong = fault(self.pattern) if self._regex else ""
        self.set_class(bool(wrong), "-faulty")
        note = f"{wrong}: taken as plain text" if wrong else self._count
        self.query_one(".filter--note", Static).update(visible(note))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pass on what is typed."""
        event.stop()
        self._refresh_note()
        self.post_message(self.Changed(self, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        event.stop()
        self.action_close(True)

    def action_close(self, kept: bool) -> None:
        """Hide the line; a filter that is not kept is emptied first."""
        if not kept and self.pattern:
            with self.prevent(Input.Changed):  # it would come after Closed
                self.query_one(Input).value = ""
            self.post_message(self.Changed(self, ""))
        self.display = False
        self.post_message(self.Closed(self, kept))
