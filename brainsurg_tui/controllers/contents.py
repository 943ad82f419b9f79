"""What the workspace holds, and taking things out of it or back."""

from typing import TYPE_CHECKING

from rich.text import Text

from brainsurg_tui.controllers.submit import submit
from brainsurg_tui.screens.choice import Choice, ChoiceDialog
from brainsurg_tui.screens.text_dialog import TextDialog
from brainsurg_tui.screens.workspace import WorkspaceChoice, WorkspaceDialog
from brainsurg_tui.state.state import UndoStep
from engine.service.protocol import (
    Annotate,
    DeleteActivations,
    DeleteSAE,
    Evaluate,
    GetContents,
    GetSummary,
)

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery


class ContentsController:
    """The daemon owns the contents; this controller keeps the state's copy of them fresh."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    async def refresh(self) -> None:
        """Ask what the workspace holds, and for the features if those may be others now."""
        app, state = self._app, self._app.state
        before, sae = state.contents, state.sae_info()
        state.take_contents(await app.ask(GetContents()))
        app.show()
        same_but_labels = (before.prompts, before.activations) == (
            state.contents.prompts,
            state.contents.activations,
        )
        if state.sae_info() != sae:
            app.controllers.features.load()
        elif same_but_labels:
            app.controllers.features.load_notes()

    def look_around(self) -> None:
        """Show sets and SAEs."""
        state = self._app.state
        jobs = list(state.jobs.values())
        screen = WorkspaceDialog(state.contents, state.sae, jobs, ascii_only=self._app.ascii_only)
        self._app.push_screen(screen, self._picked)

    def _picked(self, picked: WorkspaceChoice | None) -> None:
        match picked:
            case WorkspaceChoice(action="use", name=name):
                self._app.controllers.features.choose_sae(name)
            case WorkspaceChoice(action="summary", name=name):
                self._app.begin("summary", self._summary, name)
            case WorkspaceChoice(action="measure", name=name):
                self._app.begin("measure", self._measure, name)
            case WorkspaceChoice(action="delete"):
                self._ask_to_delete(picked)

    async def _summary(self, name: str) -> None:
        summary = await self._app.ask(GetSummary(name=name))
        origin = next(
            (a.origin for a in self._app.state.contents.activations if a.name == name), ""
        )
        text = Text(
            f"prompts            {summary.prompts:>12,}\n"
            f"tokens per prompt  {summary.average_tokens:>12,.1f}\n"
            f"hidden size        {summary.d_model:>12,}\n"
            f"vectors            {summary.vectors:>12,}\n\n{origin}"
        )
        self._app.push_screen(TextDialog(f"Activations {name}", text))

    async def _measure(self, name: str) -> None:
        spec = Evaluate(sae=name, histogram=True, device=self._app.device)
        await submit(self._app, "evaluate", {}, spec)

    def _ask_to_delete(self, picked: WorkspaceChoice) -> None:
        what = (
            "activation set" if picked.kind == "activations" else "SAE with its features and labels"
        )
        answers = [Choice("n", "keep it", ""), Choice("y", "delete it from disk", "delete")]
        request = (
            DeleteActivations(name=picked.name)
            if picked.kind == "activations"
            else DeleteSAE(name=picked.name)
        )

        def answered(answer: str | None) -> None:
            if answer:
                self._app.begin("delete", self._delete, request)

        question = f"The {what} is gone then; there is no undo."
        self._app.push_screen(ChoiceDialog(f"Delete {picked.name}?", question, answers), answered)

    async def _delete(self, request: DeleteActivations | DeleteSAE) -> None:
        await self._app.ask(request)
        self._app.say(f"Deleted {request.name}.")
        await self.refresh()

    # Undo

    def undo(self) -> None:
        """Take back the last change."""
        if self._app.state.undo:
            change = self._app.state.undo.pop()
            self._app.state.redo.append(change)
            self._app.begin("undo", self._apply, change, back=True)

    def redo(self) -> None:
        """Do again what was undone last."""
        if self._app.state.redo:
            change = self._app.state.redo.pop()
            self._app.state.undo.append(change)
            self._app.begin("undo", self._apply, change, back=False)

    async def _apply(self, change: UndoStep, *, back: bool) -> None:
        request = change.back if back else change.again
        await self._app.ask(request)
        if isinstance(request, Annotate):
            self._app.state.take_note(request.sae, request.feature, request.note)
        await self.refresh()
        self._app.say(f"{'Undid' if back else 'Did again'}: {change.title}.")
