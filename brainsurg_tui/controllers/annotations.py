"""Writing down what was found out about a feature: label, tags, star, note."""

from collections.abc import Callable
from functools import partial

import msgspec

from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.screens.form import Field, Form
from brainsurg_tui.state.undo import UndoStep
from brainsurg_tui.terminal.escapes import escape, unescape
from engine.service.protocol import Annotate, Note

NoteEdit = Callable[[Note, str], Note]
"""From a note and what was typed, the note as it is to be."""


class AnnotationController:
    """Lets the user write labels, tags, stars and notes; every change is one step of undo."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def label(self) -> None:
        """Let the user name the feature."""

        def edit(note: Note, typed: str) -> Note:
            return msgspec.structs.replace(note, label=typed)

        self._ask("label", lambda note: note.label, "What it answers to; empty: no name.", edit)

    def tags(self) -> None:
        """Let the user tag the feature."""

        def edit(note: Note, typed: str) -> Note:
            words = typed.replace(",", " ").replace("#", " ").split()
            return msgspec.structs.replace(note, tags=tuple(sorted(set(words))))

        help = "Words to find it by, with spaces between; the filter tag ~ word finds them."
        self._ask("tags", lambda note: " ".join(note.tags), help, edit)

    def note(self) -> None:
        """Let the user write a note of any length about the feature."""

        def edit(note: Note, typed: str) -> Note:
            return msgspec.structs.replace(note, text=typed)

        self._ask("note", lambda note: note.text, r"Anything; \n for a new line.", edit)

    def star(self) -> None:
        """Put a star on the feature, or take it off."""
        state = self._shell.state
        if state.sae is not None and state.feature is not None:
            note = state.note(state.feature)
            starred = msgspec.structs.replace(note, starred=not note.starred)
            self._shell.begin(
                "keep", self._annotate, state.sae, state.feature, starred, what="the star of"
            )

    def go_to_unlabelled(self) -> None:
        """Select the next feature without a label, or say that there is none."""
        if not self._shell.main.features.go_to_unlabelled():
            self._shell.say("Every feature that is shown has a label.")

    def _ask(self, what: str, read: Callable[[Note], str], help: str, edit: NoteEdit) -> None:
        state = self._shell.state
        if state.sae is None or state.feature is None:
            return
        field = Field(what, what, escape(read(state.note(state.feature))), help, escapes=True)
        send = partial(self._send, state.sae, state.feature, what, edit)
        self._shell.push_screen(Form(f"Feature {state.feature}", [field], send, verb="save"))

    async def _send(
        self, sae: str, feature: int, what: str, edit: NoteEdit, values: dict[str, str]
    ) -> None:
        note = edit(self._shell.state.note(feature), unescape(values[what]))
        await self._annotate(sae, feature, note, what=f"{what} of")

    async def _annotate(self, sae: str, feature: int, note: Note, *, what: str) -> None:
        state = self._shell.state
        before = Annotate(sae=sae, feature=feature, note=state.note(feature))
        after = Annotate(sae=sae, feature=feature, note=note)
        if before == after:
            return
        await self._shell.ask(after)
        state.undo_history.record(UndoStep(f"{what} feature {feature}", before, after))
        state.set_note(sae, feature, note)
