"""Trying edits of features, and seeing what follows."""

import asyncio
from typing import TYPE_CHECKING, cast, get_args

from brainsurg_tui.controllers.submit import parse_number, parse_whole_number
from brainsurg_tui.screens.form import Field, Form
from brainsurg_tui.state.clamp_draft import OPERATIONS, ClampDraft
from engine.service.protocol import Clamp, Operation, Progressed, Unit, View

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

_PAUSE = 0.35
"""Seconds without another key before a changed draft is run."""


class ClampController:
    """A key changes the draft; the engine is asked when the keys have come to rest."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    def clamp(self) -> None:
        """Clamp the marked or selected features; in the clamp pane, run the draft again."""
        app = self._app
        if not (app.main.active == "clamp" and app.state.clamp_draft.edits):
            app.state.clamp_draft = app.state.clamp_draft.of(app.main.wanted())
        app.main.go_to("clamp")
        self._run(0)

    def change(self, draft: ClampDraft) -> None:
        """Try this instead."""
        state = self._app.state
        if draft == state.clamp_draft:
            return
        state.clamp_draft = draft
        if draft.edits:
            self._run(_PAUSE)
        else:
            state.report = None
            self.give_up()

    def give_up(self) -> None:
        """Do not wait for the report any more; the engine stops working on it."""
        self._app.workers.cancel_group(self._app, "clamp")
        self._app.state.clamp_progress = None
        self._app.show("clamp")

    def _run(self, pause: float) -> None:
        self._app.state.clamp_progress = Progressed(phase="waiting", done=0)
        self._app.show("clamp")
        self._app.begin("clamp", self._ask, self._app.state.clamp_draft, pause)

    async def _ask(self, draft: ClampDraft, pause: float) -> None:
        app, state = self._app, self._app.state
        await asyncio.sleep(pause)
        try:
            assert state.sae is not None
            prompts = app.main.prompts.marked() or state.contents.prompts
            request = draft.request(state.sae, [prompt.prompt for prompt in prompts])
            report = await app.ask(Clamp(request=request, device=app.device))
            if (draft, request.sae) == (state.clamp_draft, state.sae):
                state.report = report
        finally:
            # A newer draft has its own progress to show.
            if draft is state.clamp_draft:
                state.clamp_progress = None
                app.show("clamp")

    def progress(self, progress: Progressed) -> None:
        """Say how far the engine is with it."""
        if self._app.state.clamp_progress is not None:
            self._app.state.clamp_progress = progress
            self._app.mark("clamp")

    def settings(self) -> None:
        """Let the user type what the keys step through."""
        draft = self._app.state.clamp_draft
        edit = draft.edits[0]
        fields = [
            Field("operation", "operation", edit.operation, choices=OPERATIONS, free=False),
            Field("value", "value", f"{edit.value:g}", "A number; nothing counts for ablate."),
            Field(
                "unit",
                "unit",
                edit.unit,
                "max: times its maximum over the scanned text; absolute: as it is.",
                get_args(Unit),
                False,
            ),
            Field(
                "view",
                "view",
                draft.view,
                "model: inside the running model; reconstruction: the seed's experiment.",
                get_args(View),
                False,
            ),
            Field("generate", "tokens", str(draft.generate), "Tokens to write after each prompt."),
            Field("nulls", "nulls", str(draft.nulls), "Matched random features to compare with."),
        ]
        features = ", ".join(str(edit.feature) for edit in draft.edits)
        self._app.push_screen(Form(f"Clamp {features}", fields, self._set, verb="run"))

    async def _set(self, values: dict[str, str]) -> None:
        draft = self._app.state.clamp_draft.set(
            cast(Operation, values["operation"]),
            parse_number(values["value"], "value"),
            cast(Unit, values["unit"]),
        )
        self.change(
            ClampDraft(
                edits=draft.edits,
                view=cast(View, values["view"]),
                generate=parse_whole_number(values["generate"], "tokens"),
                nulls=parse_whole_number(values["nulls"], "nulls"),
            )
        )
