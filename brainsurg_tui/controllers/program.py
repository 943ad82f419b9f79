"""Help, messages, and the way out."""

import time

from rich.text import Text
from textual.command import CommandPalette

from brainsurg_tui.controllers.jobs import JobController
from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.screens.choice import Choice, ChoiceDialog
from brainsurg_tui.screens.help import Help, keys_in
from brainsurg_tui.screens.palette import ActionProvider
from brainsurg_tui.screens.text_dialog import TextDialog
from brainsurg_tui.widgets.visible import visible


class ProgramController:
    """Shows help, palette and messages, and ends the app."""

    def __init__(self, shell: Shell, jobs: JobController) -> None:
        self._shell = shell
        self._jobs = jobs

    def help(self) -> None:
        """Show the keys that work where the focus is."""
        main = self._shell.main
        lines = keys_in(main.active_bindings.values(), main.app)
        self._shell.push_screen(Help(lines, ascii_only=self._shell.ascii_only))

    def palette(self) -> None:
        """Offer every action by its name."""
        placeholder = "What do you want to do?"
        self._shell.push_screen(CommandPalette([ActionProvider], placeholder=placeholder))

    def messages(self) -> None:
        """Show what the user was told, the newest first."""
        text = Text()
        for message in reversed(self._shell.state.messages):
            when = time.strftime("%H:%M:%S", time.localtime(message.time))
            text.append(f"{when}  ", "dim")
            text.append(visible(message.text), "bold" if message.severity == "error" else "")
            text.append("\n")
            for line in message.trace.splitlines():
                text.append(f"    {visible(line)}\n", "dim")
        self._shell.push_screen(TextDialog("Messages", text or Text("Nothing was said yet.")))

    def quit(self) -> None:
        """Leave; what to do with a job that runs is asked."""
        running = self._shell.state.jobs.running()
        if self._shell.state.connection != "connected" or not running:
            self._shell.exit()
            return
        count = "A job runs" if len(running) == 1 else f"{len(running)} jobs run or wait"
        answers = [
            Choice("l", "leave it running and quit", "leave"),
            Choice("s", "stop it and quit", "stop"),
            Choice("n", "stay", ""),
        ]
        question = "Without this screen it goes on; come back with brainsurg any time."
        self._shell.push_screen(ChoiceDialog(f"{count}.", question, answers), self._on_quit_choice)

    def _on_quit_choice(self, answer: str | None) -> None:
        if answer == "stop":
            self._shell.begin("quit", self._stop_and_quit)
        elif answer == "leave":
            self._shell.exit()

    async def _stop_and_quit(self) -> None:
        await self._jobs.cancel_all()
        self._shell.exit()
