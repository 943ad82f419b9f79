"""Writing, deleting and bringing back prompts."""

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from brainsurg_tui.actions import key_of
from brainsurg_tui.screens.form import Field, Form
from brainsurg_tui.state.state import UndoStep
from brainsurg_tui.terminal.escapes import escape, unescape
from engine.service.protocol import RestorePrompts, SavedPrompt, SavePrompt

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

_CATEGORIES = ("story", "question", "code", "dialogue", "science", "joke", "figurative")
"""Those of the seed's seven prompts."""


class PromptController:
    """Every change is one step of undo."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    def edit(self, prompt: SavedPrompt | None) -> None:
        """Let the user write a new prompt, or this one anew."""
        used = [known.category for known in self._app.state.contents.prompts]
        categories = tuple(dict.fromkeys(filter(None, (*used, *_CATEGORIES))))
        fields = [
            Field(
                "prompt",
                "prompt",
                "" if prompt is None else escape(prompt.prompt),
                r"What the model reads; \n for a new line.",
            ),
            Field(
                "category",
                "category",
                "" if prompt is None else escape(prompt.category),
                "What it is an example of; may stay empty.",
                categories,
            ),
        ]
        title = "New prompt" if prompt is None else "Change the prompt"
        self._app.push_screen(Form(title, fields, partial(self._save, prompt), verb="save"))

    async def _save(self, prompt: SavedPrompt | None, values: dict[str, str]) -> None:
        before = self._app.state.contents.prompts
        saved = await self._app.ask(
            SavePrompt(
                id=None if prompt is None else prompt.id,
                prompt=unescape(values["prompt"]),
                category=unescape(values["category"]),
            )
        )
        if prompt is None:
            after = [*before, saved]
        else:
            after = [saved if known.id == saved.id else known for known in before]
        self._changed("add a prompt" if prompt is None else "change a prompt", before, after)
        self._app.main.prompts.table.select(after.index(saved))

    def delete(self, doomed: list[SavedPrompt]) -> None:
        """Take prompts out; undo brings them back."""
        self._app.begin("prompts", self._delete, doomed)

    async def _delete(self, doomed: list[SavedPrompt]) -> None:
        before = self._app.state.contents.prompts
        gone = {prompt.id for prompt in doomed}
        after = [prompt for prompt in before if prompt.id not in gone]
        await self._app.ask(RestorePrompts(prompts=after))
        what = "a prompt" if len(doomed) == 1 else f"{len(doomed)} prompts"
        self._changed(f"delete {what}", before, after)
        self._app.say(f"Deleted {what}; {key_of('undo', self._app.state)} brings back.")

    def _changed(self, title: str, before: list[SavedPrompt], after: list[SavedPrompt]) -> None:
        state = self._app.state
        state.contents = msgspec.structs.replace(state.contents, prompts=after)
        state.did(UndoStep(title, RestorePrompts(prompts=before), RestorePrompts(prompts=after)))
        self._app.show("prompts", "clamp")
