"""Files that commands write."""

from collections.abc import Sequence
from pathlib import Path

from brainsurg_tui.commands.common import Common
from brainsurg_tui.exports import Export, under_free_names
from brainsurg_tui.widgets.visible import visible
from engine.errors import UserError
from engine.files import write_whole


def check_replaceable(path: Path, *, replace: bool) -> None:
    """Raise UserError if there is a file at `path` and `--replace` was not given, or no file."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path} can't be written: it is no file.", "Name another place.")
    if path.exists() and not replace:
        raise UserError(f"{path} is already there.", "Name another, or add --replace.")


def write_text(path: Path, text: str, *, replace: bool) -> None:
    """Write all of a file or nothing. Raises UserError where it can't be written, and if it is
    there already and `replace` is false."""
    check_replaceable(path, replace=replace)
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}.") from error


def write_beside(folder: Path, files: Sequence[Export]) -> list[Path]:
    """Write files of one thing into a folder, which is made, under names that are free: where one
    is taken, all get the same number behind theirs. UserError where that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        named = under_free_names(files, folder)
    except OSError as error:
        raise UserError(f"{folder} can't be written to: {error.strerror}.") from error
    for file in named:
        write_text(folder / file.name, file.text, replace=False)
    return [folder / file.name for file in named]


def print_path(common: Common, path: Path, **figures: int) -> None:
    """Print where something was written; `figures` of it are in the JSON alone."""
    common.print_result({"path": str(path), **figures}, lambda: print(visible(str(path))))
