"""Files that commands write."""

from pathlib import Path

from brainsurg_tui.commands.common import Common
from brainsurg_tui.widgets.visible import visible
from engine.errors import UserError
from engine.files import write_whole


def write_text(path: Path, text: str) -> None:
    """Write all of a file or nothing. Raises UserError where it can't be written."""
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}.") from error


def print_path(common: Common, path: Path, **figures: int) -> None:
    """Print where something was written; `figures` of it are in the JSON alone."""
    common.print_result({"path": str(path), **figures}, lambda: print(visible(str(path))))
