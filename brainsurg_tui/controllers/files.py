"""What leaves the app: to the clipboard, and to files in the workspace."""

from pathlib import Path

from brainsurg_tui.controllers.shell import Shell
from brainsurg_tui.exports import Export, under_free_names
from engine.errors import UserError
from engine.files import write_whole

_FOLDER = "exports"
_COPIED = "copied.txt"


class FileController:
    """Writes to the clipboard and to one folder of the workspace, and tells the user where.

    Its methods raise UserError where a file can't be written."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def copy(self, text: str) -> None:
        """Put `text` on the clipboard (OSC 52 crosses SSH) and into a file for where that fails."""
        if not text:
            self._shell.say("There is nothing to copy here.", "warning")
            return
        self._shell.copy_to_clipboard(text)
        path = self._write(Export(_COPIED, text + "\n"))
        self._shell.say(f"Copied, also to {path}.")

    def export(self, files: list[Export]) -> None:
        """Write files beside those that are there, which are not replaced; or say that there are
        none."""
        if not files:
            self._shell.say("There is nothing to export here.", "warning")
            return
        paths = [self._write(file) for file in under_free_names(files, self._folder())]
        self._shell.say(f"Wrote {', '.join(path.name for path in paths)} in {paths[0].parent}.")

    def picture(self) -> None:
        """Write the screen as an SVG file."""
        self.export([Export("screen.svg", self._shell.export_screenshot())])

    def _folder(self) -> Path:
        workspace = self._shell.state.contents.workspace
        return Path(workspace) / _FOLDER if workspace else Path.cwd()

    def _write(self, file: Export) -> Path:
        path = self._folder() / file.name
        try:
            write_whole(path, file.text.encode("utf-8", "replace"))
        except OSError as error:
            raise UserError(f"{path} can't be written: {error.strerror}.") from error
        return path
