"""Writing, deleting and bringing back prompts."""

from functools import partial

from brainsurg_tui.actions.registry import key_of
from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.screens.form import Field, Form
from brainsurg_tui.state.undo import UndoStep
from brainsurg_tui.terminal.escapes import escape, unescape
from engine.service.protocol import RestorePrompts, SavedPrompt, SavePrompt

_CATEGORIES = ("story", "question", "code", "dialogue", "science", "joke", "figurative")
"""The categories of the demo's seven prompts."""


class PromptController:
    """Saves and deletes prompts; every change is one step of undo."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def edit(self, prompt: SavedPrompt | None) -> None:
        """Let the user write a new prompt, or this one anew."""
        used = [known.category for known in self._shell.state.contents.prompts]
        categories = tuple(dict.fromkeys(filter(None, (*used, *_CATEGORIES))))
        fields = [
            Field(
                "prompt",
                "prompt",
                "" if prompt is None else escape(prompt.prompt),
                r"What the model reads; \n for a new line.",
                escapes=True,
            ),
            Field(
                "category",
                "category",
                "" if prompt is None else escape(prompt.category),
                "What it is an example of; may stay empty.",
                categories,
                escapes=True,
            ),
        ]
        title = "New prompt" if prompt is None else "Change the prompt"
        self._shell.push_screen(Form(title, fields, partial(self._save, prompt), verb="save"))

    async def _save(self, prompt: SavedPrompt | None, values: dict[str, str]) -> None:
        before = self._shell.state.contents.prompts
        saved = await self._shell.ask(
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
        self._replace("add a prompt" if prompt is None else "change a prompt", before, after)
        self._shell.main.paint()
        self._shell.main.prompts.table.select(after.index(saved))

    def delete(self, doomed: list[SavedPrompt]) -> None:
        """Take prompts out; undo brings them back."""
        self._shell.begin("prompts", self._delete, doomed)

    async def _delete(self, doomed: list[SavedPrompt]) -> None:
        before = self._shell.state.contents.prompts
        gone = {prompt.id for prompt in doomed}
        after = [prompt for prompt in before if prompt.id not in gone]
        await self._shell.ask(RestorePrompts(prompts=after))
        what = "a prompt" if len(doomed) == 1 else f"{len(doomed)} prompts"
        self._replace(f"delete {what}", before, after)
        self._shell.say(f"Deleted {what}; {key_of('undo', self._shell.state)} brings back.")

    def _replace(self, title: str, before: list[SavedPrompt], after: list[SavedPrompt]) -> None:
        """Show the prompts as they are now, so that `before` can come back."""
        undo, redo = RestorePrompts(prompts=before), RestorePrompts(prompts=after)
        self._shell.state.set_prompts(after)
        self._shell.state.undo_history.record(UndoStep(title, undo, redo))
