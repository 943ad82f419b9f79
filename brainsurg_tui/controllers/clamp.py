"""Trying edits of features, and seeing what follows."""

import asyncio
from typing import TYPE_CHECKING, cast, get_args

from brainsurg_tui.controllers.submit import number, whole
from brainsurg_tui.screens.form import Field, Form
from brainsurg_tui.state.clamp_draft import OPERATIONS, Trial
from engine.service.protocol import Clamp, Operation, Progressed, Unit, View

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

_PAUSE = 0.35
"""Seconds without another key before a changed trial is run."""


class ClampDesk:
    """A key changes the trial; the engine is asked when the keys have come to rest."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    def clamp(self) -> None:
        """Clamp the marked or selected features; in the clamp pane, run the trial again."""
        app = self._app
        if not (app.bench.active == "clamp" and app.state.trial.edits):
            app.state.trial = app.state.trial.of(app.bench.wanted())
        app.bench.go_to("clamp")
        self._run(0)

    def change(self, trial: Trial) -> None:
        """Try this instead."""
        state = self._app.state
        if trial == state.trial:
            return
        state.trial = trial
        if trial.edits:
            self._run(_PAUSE)
        else:
            state.report = None
            self.give_up()

    def give_up(self) -> None:
        """Do not wait for the report any more; the engine stops working on it."""
        self._app.workers.cancel_group(self._app, "clamp")
        self._app.state.clamping = None
        self._app.show("clamp")

    def _run(self, pause: float) -> None:
        self._app.state.clamping = Progressed(phase="waiting", done=0)
        self._app.show("clamp")
        self._app.begin("clamp", self._ask, self._app.state.trial, pause)

    async def _ask(self, trial: Trial, pause: float) -> None:
        app, state = self._app, self._app.state
        await asyncio.sleep(pause)
        try:
            assert state.sae is not None
            prompts = app.bench.prompts.marked() or state.contents.prompts
            request = trial.request(state.sae, [prompt.prompt for prompt in prompts])
            report = await app.ask(Clamp(request=request, device=app.device))
            if (trial, request.sae) == (state.trial, state.sae):
                state.report = report
        finally:
            # A newer trial has its own progress to show.
            if trial is state.trial:
                state.clamping = None
                app.show("clamp")

    def progress(self, progress: Progressed) -> None:
        """Say how far the engine is with it."""
        if self._app.state.clamping is not None:
            self._app.state.clamping = progress
            self._app.mark("clamp")

    def settings(self) -> None:
        """Let the user type what the keys step through."""
        trial = self._app.state.trial
        edit = trial.edits[0]
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
                trial.view,
                "model: inside the running model; reconstruction: the seed's experiment.",
                get_args(View),
                False,
            ),
            Field("generate", "tokens", str(trial.generate), "Tokens to write after each prompt."),
            Field("nulls", "nulls", str(trial.nulls), "Matched random features to compare with."),
        ]
        features = ", ".join(str(edit.feature) for edit in trial.edits)
        self._app.push_screen(Form(f"Clamp {features}", fields, self._set, verb="run"))

    async def _set(self, values: dict[str, str]) -> None:
        trial = self._app.state.trial.set(
            cast(Operation, values["operation"]),
            number(values["value"], "value"),
            cast(Unit, values["unit"]),
        )
        self.change(
            Trial(
                edits=trial.edits,
                view=cast(View, values["view"]),
                generate=whole(values["generate"], "tokens"),
                nulls=whole(values["nulls"], "nulls"),
            )
        )
