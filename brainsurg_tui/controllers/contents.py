"""What the workspace holds, and taking things out of it or back."""

from rich.text import Text

from brainsurg_tui.controllers.features import FeatureController
from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.controllers.submit import submit
from brainsurg_tui.screens.choice import Choice, ChoiceDialog
from brainsurg_tui.screens.text_dialog import TextDialog
from brainsurg_tui.screens.workspace import WorkspaceChoice, WorkspaceDialog
from engine.service.protocol import (
    Annotate,
    Contents,
    DeleteActivations,
    DeleteSAE,
    Done,
    Evaluate,
    GetContents,
    GetSummary,
    Request,
)


class ContentsController:
    """Keeps the state's copy of the workspace's contents, which the daemon owns, fresh."""

    def __init__(self, shell: Shell, features: FeatureController) -> None:
        self._shell = shell
        self._features = features

    async def refresh(self) -> None:
        """Ask what the workspace holds, and for the features if those may be others now."""
        self.update(await self._shell.ask(GetContents()))

    def update(self, contents: Contents) -> None:
        """Show what the workspace holds, and ask for the features if those may be others now."""
        state = self._shell.state
        before, sae = state.contents, state.sae_info()
        state.set_contents(contents)
        same_but_labels = (before.prompts, before.activations) == (
            state.contents.prompts,
            state.contents.activations,
        )
        if state.sae_info() != sae:
            self._features.load()
        elif same_but_labels:
            self._features.load_notes()

    def open_workspace(self) -> None:
        """Show activation sets and SAEs, and let the user choose one to do something with."""
        state = self._shell.state
        jobs = list(state.jobs.by_id.values())
        screen = WorkspaceDialog(state.contents, state.sae, jobs, ascii_only=self._shell.ascii_only)
        self._shell.push_screen(screen, self._on_choice)

    def _on_choice(self, choice: WorkspaceChoice | None) -> None:
        match choice:
            case WorkspaceChoice(action="use", name=name):
                self._features.choose_sae(name)
            case WorkspaceChoice(action="summary", name=name):
                self._shell.begin("summary", self._summary, name)
            case WorkspaceChoice(action="measure", name=name):
                self._shell.begin("measure", self._measure, name)
            case WorkspaceChoice(action="delete"):
                self._ask_to_delete(choice)

    async def _summary(self, name: str) -> None:
        summary = await self._shell.ask(GetSummary(name=name))
        sinks = "not measured" if summary.sinks is None else f"{summary.sinks:,}"
        origin = next(
            (a.origin for a in self._shell.state.contents.activations if a.name == name), ""
        )
        text = Text(
            f"prompts            {summary.prompts:>12,}\n"
            f"tokens per prompt  {summary.average_tokens:>12,.1f}\n"
            f"hidden size        {summary.d_model:>12,}\n"
            f"vectors            {summary.vectors:>12,}\n"
            f"sinks              {sinks:>12}\n\n{origin}"
        )
        self._shell.push_screen(TextDialog(f"Activations {name}", text))

    async def _measure(self, name: str) -> None:
        spec = Evaluate(sae=name, histogram=True, device=self._shell.device)
        await submit(self._shell, "evaluate", {}, spec)

    def _ask_to_delete(self, choice: WorkspaceChoice) -> None:
        what = (
            "activation set" if choice.kind == "activations" else "SAE with its features and labels"
        )
        answers = [Choice("n", "keep it", ""), Choice("y", "delete it from disk", "delete")]
        request = (
            DeleteActivations(name=choice.name)
            if choice.kind == "activations"
            else DeleteSAE(name=choice.name)
        )

        def on_answer(answer: str | None) -> None:
            if answer:
                self._shell.begin("delete", self._delete, request)

        question = f"The {what} is gone then; there is no undo."
        self._shell.push_screen(
            ChoiceDialog(f"Delete {choice.name}?", question, answers), on_answer
        )

    async def _delete(self, request: DeleteActivations | DeleteSAE) -> None:
        await self._shell.ask(request)
        self._shell.say(f"Deleted {request.name}.")
        await self.refresh()

    # Undo

    def undo(self) -> None:
        """Take back the last change."""
        if (step := self._shell.state.undo_history.undo()) is not None:
            self._shell.begin("undo", self._apply, step.undo, f"Undid: {step.title}.")

    def redo(self) -> None:
        """Do again the change that was undone last."""
        if (step := self._shell.state.undo_history.redo()) is not None:
            self._shell.begin("undo", self._apply, step.redo, f"Did again: {step.title}.")

    async def _apply(self, request: Request[Done], message: str) -> None:
        await self._shell.ask(request)
        if isinstance(request, Annotate):
            self._shell.state.set_note(request.sae, request.feature, request.note)
        await self.refresh()
        self._shell.say(message)
