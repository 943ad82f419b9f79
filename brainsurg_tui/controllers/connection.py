"""What is done when the engine is reached, sends news, or is lost."""

from brainsurg_tui.controllers.contents import ContentsController
from brainsurg_tui.controllers.features import FeatureController
from brainsurg_tui.controllers.jobs import JobController
from brainsurg_tui.controllers.shell import Shell
from engine.service.protocol import (
    ContentsChanged,
    Event,
    GetContents,
    GetStatus,
    ListJobs,
    NewsBody,
    Progressed,
    QuestionProgress,
    Watch,
)


class ConnectionController:
    """Asks for the whole state after every connecting; until the next, news keeps it fresh."""

    def __init__(
        self,
        shell: Shell,
        contents: ContentsController,
        features: FeatureController,
        jobs: JobController,
    ) -> None:
        self._shell = shell
        self._contents = contents
        self._features = features
        self._jobs = jobs
        self._last_reason = ""
        """Why the engine could not be reached the last time, as the user was told."""

    async def on_connect(self) -> None:
        """Ask for all that the panes show, having asked for news of what happens from now on."""
        shell, state = self._shell, self._shell.state
        await shell.ask(Watch())
        if state.connection == "lost":
            shell.say("The engine is there again.")
        self._last_reason = ""
        status, jobs = await shell.ask(GetStatus()), (await shell.ask(ListJobs())).jobs
        contents = await shell.ask(GetContents())
        state.connect(status, jobs)
        self._contents.update(contents)
        if any(sae.name == shell.workspace_memory.sae for sae in contents.saes):
            self._features.choose_sae(shell.workspace_memory.sae)
        if (job := state.jobs.training_to_chart()) is not None:
            await self._jobs.fetch_past(job.id)

    def on_news(self, news: NewsBody) -> None:
        """Bring the state up to date with what happened."""
        state = self._shell.state
        match news:
            case Event():
                self._jobs.on_event(news)
            case ContentsChanged():
                self._shell.begin("contents", self._contents.refresh)
            case QuestionProgress(body=Progressed() as progress):
                state.clamp.report_progress(progress)
                state.search.report_progress(progress)

    def on_loss(self, trouble: Exception | None) -> None:
        """Say that the engine is gone, once for every reason."""
        reason = "" if trouble is None else str(trouble)
        if self._shell.state.connection == "connected":
            self._shell.say(f"The engine is gone; looking for it. {reason}".strip(), "error")
        elif reason and reason != self._last_reason:
            self._shell.say(reason, "error")
        self._last_reason = reason
        self._shell.state.disconnect()

    def refresh_status(self) -> None:
        """Ask how busy the GPU is, where there is one."""
        status = self._shell.state.status
        if self._shell.state.connection == "connected" and status is not None and status.gpus:
            self._shell.begin("status", self._get_status)

    async def _get_status(self) -> None:
        self._shell.state.set_status(await self._shell.ask(GetStatus()))
