"""What several kinds of job check before they are queued."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from engine.activations.text_files import check_exists
from engine.errors import UserError
from engine.jobs.kinds.base import JobSpec
from engine.jobs.kinds.fields import kind_fields
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


def target_set(sae: str, named: str | None, read: str, workspace: Workspace) -> str | None:
    """The name of the activation set that a transcoder is to predict where it reads the set `read`:
    the one that is `named`, the one that it learned to predict, or the one of its target site that
    was captured in one go with what it reads. None: there is none, or it is no transcoder."""
    if named is not None:
        return named
    info = read_sae_info(workspace.existing_sae(sae))
    about = info.metadata
    if not info.transcodes:
        return None
    if about.target and read == about.activations:
        return about.target
    capture = read.removesuffix(f".{about.site}")
    name = f"{capture}.{about.target_site}"
    together = about.site and about.target_site and capture != read
    return name if together and workspace.activations(name).exists() else None


def check_files(paths: Iterable[str]) -> None:
    """Raise UserError unless there is a file or folder at each of `paths`."""
    for path in paths:
        check_exists(Path(path))


def file_names(*paths: str) -> str:
    """Paths by the last of their names."""
    return ", ".join(path.rstrip("/").rpartition("/")[2] for path in paths)


def check_unchanged(name: str, begun: JobSpec, spec: JobSpec, may_change: Collection[str]) -> None:
    """Raise UserError, by the name of the flag, for a field of a job that goes on which is another
    than when it was begun. `name`: what the job makes."""
    for field in kind_fields(type(spec)):
        then, now = getattr(begun, field.name), getattr(spec, field.name)
        if field.name not in may_change and then != now:
            raise UserError(
                f"{name} was begun with {_setting(field.flag, then)}, and can't go on with"
                f" {_setting(field.flag, now)}.",
                "Leave it as it was, or begin anew with --replace.",
            )


def _setting(flag: str, value: Any) -> str:
    if value is False or value in (None, "", []):
        return f"no {flag}"
    if value is True:
        return flag
    return f"{flag} {' '.join(map(str, value)) if isinstance(value, list) else value}"
