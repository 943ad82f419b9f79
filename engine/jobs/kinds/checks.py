"""What several kinds of job check before they are queued."""

from collections.abc import Iterable
from pathlib import Path

from engine.activations.text_files import check_exists
from engine.errors import UserError
from engine.sae.formats.info import read_sae_info
from engine.workspace.folders import Workspace


def activation_set(sae: str, named: str | None, workspace: Workspace) -> str:
    """The name of the activation set that a job about an SAE reads: the one that is `named`, or
    else the one that the SAE was trained on. Raises UserError where that is not known."""
    name = named
    if name is None:
        name = read_sae_info(workspace.existing_sae(sae)).metadata.activations
    if not name:
        raise UserError(
            f"{sae} does not say what it was trained on.", "Name a set with --activations."
        )
    return name


def check_files(paths: Iterable[str]) -> None:
    """Raise UserError unless there is a file or folder at each of `paths`."""
    for path in paths:
        check_exists(Path(path))


def file_names(*paths: str) -> str:
    """Paths by the last of their names."""
    return ", ".join(path.rstrip("/").rpartition("/")[2] for path in paths)
