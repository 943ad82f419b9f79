"""What leaves the app: to the clipboard, and to files in the workspace."""

from pathlib import Path
from typing import TYPE_CHECKING

from brainsurg_tui.exports import Export
from engine.errors import UserError
from engine.files import write_whole

if TYPE_CHECKING:
    from brainsurg_tui.app import BrainSurgery

_FOLDER = "exports"
_COPIED = "copied.txt"


class FileController:
    """Everything goes to one folder of the workspace, and the user is told where."""

    def __init__(self, app: "BrainSurgery") -> None:
        self._app = app

    def copy(self, text: str) -> None:
        """Put `text` on the clipboard (OSC 52 crosses SSH) and into a file for where that fails."""
        if not text:
            self._app.say("There is nothing to copy here.", "warning")
            return
        self._app.copy_to_clipboard(text)
        path = self._write(Export(_COPIED, text + "\n"))
        self._app.say(f"Copied, also to {path}.")

    def export(self, files: list[Export]) -> None:
        """Write files."""
        if not files:
            self._app.say("There is nothing to export here.", "warning")
            return
        paths = [self._write(file) for file in files]
        self._app.say(f"Wrote {', '.join(path.name for path in paths)} in {paths[0].parent}.")

    def picture(self) -> None:
        """Write the screen as an SVG file."""
        self.export([Export("screen.svg", self._app.export_screenshot())])

    def _write(self, file: Export) -> Path:
        workspace = self._app.state.contents.workspace
        folder = Path(workspace) / _FOLDER if workspace else Path.cwd()
        path = folder / file.name
        try:
            write_whole(path, file.text.encode("utf-8", "replace"))
        except OSError as error:
            raise UserError(f"{path} can't be written: {error.strerror}.") from error
        return path
