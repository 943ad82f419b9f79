"""One field of a form: a labelled line to type into, with choices to turn through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input

from brainsurg_tui.terminal.escapes import escape

_NAMED = 90
"""Characters in which choices are named; where they need more, they are counted."""


@dataclass(frozen=True)
class Field:
    """One line of a form."""

    name: str
    label: str
    value: str = ""
    help: str = ""
    """Shown while the field has the focus."""
    choices: tuple[str, ...] = ()
    """Values to turn through with up and down; typing something else is left to `free`."""
    free: bool = True
    """Whether values besides `choices` make sense."""
    empty: str = ""
    """What an empty field means, shown in it."""
    escapes: bool = False
    r"""Whether `\n` stands for a new line, and so on, as in `terminal.escapes`."""
    shown: Callable[[Mapping[str, str]], bool] = lambda values: True
    """Whether it makes sense beside the other fields' values; hidden, and empty, where not."""


class FieldInput(Input):
    """An input that turns through its choices, too.

    Where nothing but the choices makes sense, what is typed narrows them down: one that is left
    stands in the field as soon as that is left, to be seen before the form is sent off.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "turn(1)", "Next choice", show=False, id="form.next_choice"),
        Binding("up", "turn(-1)", "Previous choice", show=False, id="form.previous_choice"),
    ]

    @dataclass
    class LinesLeftOut(Message):
        """Of several lines that were pasted, the field took the first."""

        label: str
        lines: int

    def __init__(self, field: Field) -> None:
        self.field = field
        self._typed = ""
        """What narrows the choices down."""
        self._chosen = field.value
        """The last of the choices that stood here."""
        super().__init__(
            # an input draws what it holds: nothing that a terminal would obey is put into it
            field.value if field.value.isprintable() else "",
            placeholder=field.empty,
            compact=True,
            id=f"field-{field.name}",
            suggester=SuggestFromList(field.choices) if field.choices else None,
            select_on_focus=True,
        )
        self.cursor_blink = False

    @property
    def is_complete(self) -> bool:
        """Whether what stands here may be sent off as it is."""
        return self.field.free or self.value in self.field.choices

    @property
    def effective_value(self) -> str:
        """What stands here; while a choice is being typed, the one before."""
        return self.value.strip() if self.is_complete else self._chosen

    @property
    def matches(self) -> tuple[str, ...]:
        """The choice that was typed, whatever its capitals; else those that begin with what was
        typed; else those that contain it."""
        typed, choices = self._typed.lower(), self.field.choices
        same = tuple(choice for choice in choices if choice.lower() == typed != "")
        first = tuple(choice for choice in choices if choice.lower().startswith(typed))
        return same or first or tuple(choice for choice in choices if typed in choice.lower())

    def watch_value(self, value: str) -> None:
        """What is none of the choices was typed, and narrows them down."""
        if self.field.free or value in self.field.choices:
            self._chosen = value
        if not self.field.free and (not value or value not in self.field.choices):
            self._typed = value.strip()

    def on_focus(self) -> None:
        """Begin with all choices."""
        self._typed = "" if self.is_complete else self.value.strip()

    def on_blur(self) -> None:
        """Put in the only choice that is left."""
        self.complete()

    def complete(self) -> bool:
        """Put in the only choice that is left by what was typed; False where that is not needed,
        or several are left, or none."""
        if self.is_complete or len(self.matches) != 1:
            return False
        (self.value,) = self.matches
        self._typed = ""  # it has done its work: all choices can be turned through again
        return True

    def fault(self) -> str:
        """What keeps this from being sent off, or nothing."""
        if self.is_complete:
            return ""
        typed = self.value.strip()
        named = list_choices(self.matches)
        if not self.matches or not typed:
            return f"{self.field.label}: {typed!r} is none of the choices."
        return f"{self.field.label}: {typed!r} may be {named}; please choose."

    def on_key(self, event: Key) -> None:
        """Turn to the next choice by a space, where nothing but the choices makes sense."""
        if event.key == "space" and not self.field.free:
            event.stop()
            event.prevent_default()
            self.action_turn(1)

    def _on_paste(self, event: Paste) -> None:
        """Take all lines where the field has a way to write them; else the first, and say so."""
        event.stop()
        event.prevent_default()  # Textual's own takes the first line, and drops the rest
        lines = event.text.splitlines()
        if len(lines) < 2:
            text = "".join(lines)
        elif self.field.escapes:
            text = escape("\n".join(lines))
        else:
            text = lines[0]
            self.post_message(self.LinesLeftOut(self.field.label, len(lines)))
        self.replace(text, *self.selection)

    def action_turn(self, step: int) -> None:
        """Take the next choice, or without any go to the next field."""
        choices = self.matches if not self.field.free else self.field.choices
        if not self.field.choices:
            if step > 0:
                self.screen.focus_next(FieldInput)
            else:
                self.screen.focus_previous(FieldInput)
            return
        if choices:
            here = choices.index(self.value) if self.value in choices else -1 if step > 0 else 0
            self.value = choices[(here + step) % len(choices)]
            self.select_all()


def list_choices(choices: Sequence[str]) -> str:
    """The choices, or how many there are."""
    named = " · ".join(choices)
    return named if len(named) <= _NAMED else f"{len(choices)} choices"
