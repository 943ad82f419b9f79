"""Writing down what was found out about a feature: label, tags, star, note."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from brainsurg_tui.screens.form import Field, Form
from brainsurg_tui.state.state import UndoStep
from brainsurg_tui.terminal.escapes import escape, unescape
from engine.service.protocol import Annotate, Note

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

Noting = Callable[[Note, str], Note]
"""The note with what was typed in it."""


class AnnotationController:
    """Every change of a note is one step of undo."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    def label(self) -> None:
        """Let the user name the feature."""

        def take(note: Note, typed: str) -> Note:
            return msgspec.structs.replace(note, label=typed)

        self._ask("label", lambda note: note.label, "What it answers to; empty: no name.", take)

    def tags(self) -> None:
        """Let the user tag the feature."""

        def take(note: Note, typed: str) -> Note:
            words = typed.replace(",", " ").replace("#", " ").split()
            return msgspec.structs.replace(note, tags=tuple(sorted(set(words))))

        help = "Words to find it by, with spaces between; the filter tag ~ word finds them."
        self._ask("tags", lambda note: " ".join(note.tags), help, take)

    def note(self) -> None:
        """Let the user write something longer."""

        def take(note: Note, typed: str) -> Note:
            return msgspec.structs.replace(note, text=typed)

        self._ask("note", lambda note: note.text, r"Anything; \n for a new line.", take)

    def star(self) -> None:
        """Put a star on the feature, or take it off."""
        state = self._app.state
        if state.sae is not None and state.feature is not None:
            note = state.note(state.feature)
            starred = msgspec.structs.replace(note, starred=not note.starred)
            self._app.begin(
                "keep", self._annotate, state.sae, state.feature, starred, what="the star of"
            )

    def next_unlabelled(self) -> None:
        """Go on to a feature that nobody has named."""
        if not self._app.main.features.go_to_unlabelled():
            self._app.say("Every feature that is shown has a label.")

    def _ask(self, what: str, read: Callable[[Note], str], help: str, take: Noting) -> None:
        state = self._app.state
        if state.sae is None or state.feature is None:
            return
        field = Field(what, what, escape(read(state.note(state.feature))), help)
        send = partial(self._send, state.sae, state.feature, what, take)
        self._app.push_screen(Form(f"Feature {state.feature}", [field], send, verb="save"))

    async def _send(
        self, sae: str, feature: int, what: str, take: Noting, values: dict[str, str]
    ) -> None:
        note = take(self._app.state.note(feature), unescape(values[what]))
        await self._annotate(sae, feature, note, what=f"{what} of")

    async def _annotate(self, sae: str, feature: int, note: Note, *, what: str) -> None:
        state = self._app.state
        before = Annotate(sae=sae, feature=feature, note=state.note(feature))
        after = Annotate(sae=sae, feature=feature, note=note)
        if before == after:
            return
        await self._app.ask(after)
        state.did(UndoStep(f"{what} feature {feature}", before, after))
        state.take_note(sae, feature, note)
        self._app.show("features", "snippets", "detail", "findings")
