"""Help, messages, and the way out."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual.command import CommandPalette

from brainsurg_tui.screens.choice import Choice, ChoiceDialog
from brainsurg_tui.screens.help import Help, keys_in
from brainsurg_tui.screens.palette import ActionProvider
from brainsurg_tui.screens.text_dialog import TextDialog
from brainsurg_tui.settings import write_memory
from brainsurg_tui.widgets.visible import visible

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery


class ProgramController:
    """What any program has."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    def help(self) -> None:
        """Show the keys that work where the focus is."""
        lines = keys_in(self._app.main.active_bindings.values(), self._app)
        self._app.push_screen(Help(lines, ascii_only=self._app.ascii_only))

    def palette(self) -> None:
        """Offer every action by its name."""
        placeholder = "What do you want to do?"
        self._app.push_screen(CommandPalette([ActionProvider], placeholder=placeholder))

    def messages(self) -> None:
        """Show what was said, the newest first."""
        text = Text()
        for message in reversed(self._app.state.messages):
            when = time.strftime("%H:%M:%S", time.localtime(message.time))
            text.append(f"{when}  ", "dim")
            text.append(visible(message.text), "bold" if message.severity == "error" else "")
            text.append("\n")
            for line in message.trace.splitlines():
                text.append(f"    {visible(line)}\n", "dim")
        self._app.push_screen(TextDialog("Messages", text or Text("Nothing was said yet.")))

    def remember(self, path: Path) -> None:
        """Keep for the next time what the user would have to do again."""
        app, memory = self._app, self._app.memory
        memory.theme, memory.pane = app.theme, app.main.remembered
        memory.tables = app.main.sortings()
        if app.state.contents.workspace:
            app.workspace_memory.sae = app.state.sae or ""
            app.workspace_memory.feature = app.state.feature
        try:
            write_memory(path, memory)
        except OSError as error:
            app.log.warning(f"nothing is remembered: {error}")

    def quit(self) -> None:
        """Leave; what to do with a job that runs is asked."""
        running = self._app.state.running()
        if self._app.state.connection != "connected" or not running:
            self._app.exit()
            return
        count = "A job runs" if len(running) == 1 else f"{len(running)} jobs run or wait"
        answers = [
            Choice("l", "leave it running and quit", "leave"),
            Choice("s", "stop it and quit", "stop"),
            Choice("n", "stay", ""),
        ]
        question = "Without this screen it goes on; come back with brainsurg any time."
        self._app.push_screen(ChoiceDialog(f"{count}.", question, answers), self._quit)

    def _quit(self, answer: str | None) -> None:
        if answer == "stop":
            self._app.begin("quit", self._stop_and_quit)
        elif answer == "leave":
            self._app.exit()

    async def _stop_and_quit(self) -> None:
        await self._app.controllers.jobs.cancel_all()
        self._app.exit()
