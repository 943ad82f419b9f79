"""A small form: labelled lines, enter goes on and at the end sends it off."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static

from brainsurg_tui.screens.dialog import Dialog
from brainsurg_tui.screens.form_field import Field, FieldInput, list_choices
from brainsurg_tui.terminal.key_queue import KeyQueueApp
from brainsurg_tui.widgets.visible import visible
from engine.errors import UserError

__all__ = ["Field", "Form"]

Send = Callable[[dict[str, str]], Awaitable[None]]
"""Does what the form asks; a UserError from it is shown in the form, which stays open."""


class Form(Dialog[bool]):
    """Fields that are sent off together: by enter in the last one, or by ctrl+s."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "send", "Send off", show=False, id="form.send"),
    ]

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        send: Send,
        *,
        verb: str,
        left: "Callable[[Form, str, str], None] | None" = None,
    ) -> None:
        """`left` is called with form, name and value when a field that was changed is left."""
        super().__init__(title, f"enter next   ↑↓ choices   ctrl+s {verb}   esc leave")
        self._fields = fields
        self._send = send
        self._left = left
        self._help = Static(id="form-help", markup=False)
        self._wait = Static(id="form-wait", markup=False)
        self._wait.display = False
        self._error = Static(id="form-error", markup=False)
        self._seen = {field.name: field.value for field in fields}
        self._offered: dict[str, str] = {}
        """What fields hold because it was offered, and nobody typed it."""

    def content(self) -> Iterable[Widget]:
        """The fields, the help of the present one, what is waited for, and what the engine objects
        to."""
        with VerticalScroll(classes="fields", can_focus=False):
            for field in self._fields:
                with Horizontal(classes="field"):
                    yield Static(field.label, classes="field-label", markup=False)
                    yield FieldInput(field)
        yield self._help
        yield self._wait
        yield self._error

    def values(self) -> dict[str, str]:
        """What stands in the fields that are seen; nothing in the others."""
        typed = {field.field.name: field.value.strip() for field in self.query(FieldInput)}
        seen = {field.field.name for field in self._inputs()}
        return {name: value if name in seen else "" for name, value in typed.items()}

    def _inputs(self) -> list[FieldInput]:
        """The fields that make sense beside each other's values."""
        inputs = list(self.query(FieldInput))
        typed = {field.field.name: field.effective_value for field in inputs}
        return [field for field in inputs if field.field.shown(typed)]

    def on_mount(self) -> None:
        """Hide what makes no sense beside the first values."""
        self._show_what_makes_sense()

    @on(Input.Changed)
    def _show_what_makes_sense(self) -> None:
        seen = self._inputs()
        for field in self.query(FieldInput):
            assert field.parent is not None
            field.parent.display = field in seen
        self._show_help()

    @on(FieldInput.LinesLeftOut)
    def _report_left_out(self, event: FieldInput.LinesLeftOut) -> None:
        event.stop()
        self.show_error(f"{event.label}: of {event.lines} pasted lines only the first was taken.")

    def show_error(self, text: str) -> None:
        """Show what is wrong with what was typed; an empty text shows nothing."""
        self._error.update(visible(text))

    def show_wait(self, text: str) -> None:
        """Say what is waited for, such as a model that is loaded for a field's choices."""
        self._wait.update(visible(text))
        self._wait.display = bool(text)

    def hide_wait(self, text: str) -> None:
        """Say it no longer, unless something else is waited for by now."""
        if str(self._wait.content) == visible(text):
            self.show_wait("")

    def offer(
        self, name: str, choices: tuple[str, ...], value: str, *, help: str | None = None
    ) -> None:
        """Give a field its choices when they come late, and a help that knows them.

        `value` replaces what is none of them, and what was offered before and stands there still.
        """
        field = self.query_one(f"#field-{name}", FieldInput)
        told = field.field.help if help is None else help
        field.field = replace(field.field, choices=choices, help=told)
        field.suggester = SuggestFromList(choices)
        offered = self._offered.get(name) == field.value
        if offered or not set(field.value.split()) & set(choices):
            field.value = self._offered[name] = self._seen[name] = value
        if self.focused is field:
            self._show_help()

    @on(Input.Blurred)
    def _report_change(self, event: Input.Blurred) -> None:
        assert isinstance(event.input, FieldInput)
        name, value = event.input.field.name, event.value.strip()
        if value != self._seen[name]:
            self._seen[name] = value
            if self._left is not None:
                self._left(self, name, value)

    def on_descendant_focus(self) -> None:
        """Show the help of the field that has the focus."""
        self._show_help()

    def _show_help(self) -> None:
        if isinstance(self.focused, FieldInput):
            field = self.focused
            choices = field.field.choices if field.field.free else field.matches
            turn = f"  ↑↓ {list_choices(choices)}" if choices else ""
            self._help.update(visible(f"{field.field.help}{turn}"))

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        event.stop()
        fields = self._inputs()
        assert isinstance(event.input, FieldInput)
        if event.input is fields[-1]:
            self.action_send()
        elif event.input.is_complete or event.input.complete():
            fields[fields.index(event.input) + 1].focus()
        else:
            self.show_error(event.input.fault())

    def action_send(self) -> None:
        """Check and send off; one at a time."""
        self.run_worker(self._sending(), exclusive=True, group="form")

    async def _sending(self) -> None:
        self.show_error("")
        for field in self._inputs():
            if not field.is_complete:
                typed, fault = field.value.strip(), field.fault()
                if field.complete():
                    fault = f"{field.field.label}: {typed!r} is taken for {field.value}; ok?"
                field.focus()
                self.show_error(fault)
                return
        self.add_class(KeyQueueApp.BUSY)  # what is typed meanwhile is for what comes after the form
        try:
            await self._send(self.values())
        except UserError as mistake:
            self.show_error(str(mistake))
        else:
            self.dismiss(True)
        finally:
            self.remove_class(KeyQueueApp.BUSY)
