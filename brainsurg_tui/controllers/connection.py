"""What is done when the engine is found, tells news, or is lost."""

from typing import TYPE_CHECKING

from engine.service.protocol import (
    ContentsChanged,
    Event,
    GetStatus,
    ListJobs,
    NewsBody,
    Progressed,
    QuestionProgress,
    Watch,
)

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery


class ConnectionController:
    """After every connecting the state is asked for afresh; between two, news keeps it fresh."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app
        self._told = ""

    async def greet(self) -> None:
        """Ask for all that the panes show, having asked to be told what happens from now on."""
        app, state = self._app, self._app.state
        await app.ask(Watch())
        if state.connection == "lost":
            app.say("The engine is there again.")
        state.connection, self._told = "connected", ""
        state.status = await app.ask(GetStatus())
        state.take_jobs((await app.ask(ListJobs())).jobs)
        await app.controllers.contents.refresh()
        if any(sae.name == app.workspace_memory.sae for sae in state.contents.saes):
            app.controllers.features.choose_sae(app.workspace_memory.sae)
        app.show()
        if (job := state.charted()) is not None:
            await app.controllers.jobs.past(job.id)

    def hear(self, body: NewsBody) -> None:
        """Take in what the engine tells."""
        match body:
            case Event():
                self._app.controllers.jobs.hear(body)
            case ContentsChanged():
                self._app.begin("contents", self._app.controllers.contents.refresh)
            case QuestionProgress(body=Progressed() as progress):
                self._app.controllers.clamp.progress(progress)
                self._app.controllers.search.progress(progress)

    def lost(self, trouble: Exception | None) -> None:
        """Say that the engine is gone, once for every reason."""
        reason = "" if trouble is None else str(trouble)
        if self._app.state.connection == "connected":
            self._app.say(f"The engine is gone; looking for it. {reason}".strip(), "error")
        elif reason and reason != self._told:
            self._app.say(reason, "error")
        self._told = reason
        self._app.state.connection = "lost"
        self._app.show()

    def look_at_machine(self) -> None:
        """Ask how busy the GPU is, where there is one."""
        status = self._app.state.status
        if self._app.state.connection == "connected" and status is not None and status.gpus:
            self._app.begin("status", self._get_status)

    async def _get_status(self) -> None:
        self._app.state.status = await self._app.ask(GetStatus())
        self._app.show("jobs")
