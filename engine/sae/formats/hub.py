"""Autoencoders on the Hugging Face hub, fetched file by file: large ones may lie beside them.

All files of one are of one commit, that of the revision when the first of them was fetched.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from engine.errors import UserError
from engine.progress import Progress
from engine.sae.formats import circuit_tracer
from engine.sae.formats.gemma_scope_names import check_one_layer
from engine.sae.formats.libraries import companions, file_names, is_part, recognise
from engine.sae.formats.naming_some import name_some
from engine.sae.formats.stated_figures import BESIDE

_PLACE = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+)"
    r"(?:[/:]/?(?P<inside>[^:@]*?)/?)?"
    r"(?:@(?P<revision>[\w./-]+))?",
    re.ASCII,
)
_ONE_FILE = (".pt", ".pth", ".safetensors", ".npz")
_MOST_NAMED, _MOST_LISTED = 8, 5000
"""How many folders are named where the one that was asked for holds nothing, and how many files of
the repository are looked through for them."""


@dataclass(frozen=True)
class HubPlace:
    """A folder or a file in a repository of the hub."""

    repository: str
    inside: str = ""
    """The path inside the repository; empty: its root."""
    revision: str | None = None
    """A branch, a tag or a commit; None: the repository as it is now."""
    is_file: bool = False
    """Whether it is one file, and not a folder."""

    def __str__(self) -> str:
        path = f"{self.repository}/{self.inside}" if self.inside else self.repository
        return f"{path}@{self.revision}" if self.revision else path


@dataclass(frozen=True)
class Fetched:
    """An autoencoder that was fetched."""

    path: Path
    """The folder or the file on this machine."""
    place: HubPlace
    """Where it was, with the commit as its revision, where that can be told."""
    format: str | None
    """As it was asked for; None where that is to be told by its files."""


def hub_place(source: str) -> HubPlace:
    """`owner/name[/folder][@revision]`, or `owner/name:folder`. UserError for anything else."""
    found = _PLACE.fullmatch(source)
    if found is None or ".." in source:
        raise UserError(
            f"{source!r} is neither a file or folder here, nor a place on the hub, nor the name of"
            " a published SAE.",
            "A place on the hub is owner/name, owner/name/folder or owner/name/folder@revision;"
            " `brainsurg published` lists names.",
        )
    inside = PurePosixPath(found["inside"] or "")
    if is_part(inside.name):  # of a folder, of which all is wanted
        inside = inside.parent
    return HubPlace(
        found["repository"],
        str(inside) if inside.name else "",
        found["revision"],
        is_file=inside.suffix in _ONE_FILE,
    )


def fetch(
    place: HubPlace, format: str | None, progress: Progress, *, layer: int | None = None
) -> Fetched:
    """Download the autoencoder in the folder, or the file, at a `place`.

    What was fetched before is not fetched again. Of a folder only files with the names that
    `format` (None: any format) gives them are asked for; where it has a file for each layer, that
    of `layer`. UserError where nothing of the kind is there, or can't be had.
    """
    from huggingface_hub.errors import LocalEntryNotFoundError

    check_one_layer(str(place))
    inside = PurePosixPath(place.inside)
    with _explaining(place):
        names = [] if place.is_file else file_names(format, layer)
        found = _download(place, [inside / name for name in names] or [inside], progress)
        if not found:
            raise _nothing_there(place)
        first, here = next(iter(found.items()))
        root = here.parents[len(first.parts) - 1]
        if root.parent.name == "snapshots":
            place = replace(place, revision=root.name)
        if listed := circuit_tracer.listed_file(root / inside, layer):
            return fetch(hub_place(listed), None, progress)
        # what is wrong with it is told by its reader; what is missing beside it, it can do without
        with contextlib.suppress(UserError, LocalEntryNotFoundError):
            known, weights = recognise(root / inside, format, layer)
            at = PurePosixPath(weights.relative_to(root).as_posix())
            beside = companions(known, at)
            beside += [file.with_name(BESIDE[file.name]) for file in found if file.name in BESIDE]
            if weights.is_file():
                inside, place = at, replace(place, inside=str(at), is_file=True)
            _download(place, [file for file in beside if file not in found], progress)
    return Fetched(root / inside, place, format)


def _download(
    place: HubPlace, files: Sequence[PurePosixPath], progress: Progress
) -> dict[PurePosixPath, Path]:
    """Those of the files that the repository has, on this machine.

    Without a network, those that are here already; raises LocalEntryNotFoundError if none is.
    The hub is given up at the first file for which it can't be reached: that takes its time.
    """
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    from engine.model.hub_file import hub_file

    found: dict[PurePosixPath, Path] = {}
    unreachable: LocalEntryNotFoundError | None = None
    revision = place.revision
    for done, file in enumerate(files):
        progress("download", done, len(files), "files")
        try:
            here = unreachable is not None
            path = hub_file(place.repository, str(file), revision, progress, local_only=here)
        except LocalEntryNotFoundError as error:
            unreachable = error
        except EntryNotFoundError:
            continue
        else:
            found[file] = path
            root = found[file].parents[len(file.parts) - 1]
            if root.parent.name == "snapshots":
                revision = root.name  # the others are of the same commit, whatever is pushed now
    progress("download", len(files), len(files), "files")
    if unreachable is not None and not found and files:
        raise unreachable
    return found


@contextlib.contextmanager
def _explaining(place: HubPlace) -> Iterator[None]:
    """Turn what fails on the way from the hub into a UserError."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    from engine.model.fetch_file import DroppedConnection
    from engine.model.load_errors import explaining

    name = place.repository
    with explaining("SAE", name, place.revision):
        try:
            yield
        except GatedRepoError:
            raise  # which is one of the next, and is told as for a model
        except RepositoryNotFoundError as error:
            raise UserError(
                f"There is no repository {name} on the hub, or it is private.",
                "Check the spelling; for a private one, log in with `hf auth login`.",
            ) from error
        except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
            raise UserError(
                f"{place} is not on this machine and could not be fetched from the hub"
                f"{', as HF_HUB_OFFLINE is set' if constants.HF_HUB_OFFLINE else ''}.",
                "Try again where there is a network, or give a folder or file that is here.",
            ) from error
        except (DroppedConnection, OSError) as error:
            if isinstance(error, OSError) and "onsistency check" not in str(error):
                raise
            raise UserError(
                f"The download of {place} was cut off.",
                "Import it again: it goes on where it stopped.",
            ) from error


def _nothing_there(place: HubPlace) -> UserError:
    """What to say where no autoencoder is, with the folders of the repository that hold some."""
    what = f"There is no autoencoder in {place} on the hub"
    below = _folders_with_some(place)
    if not below:
        return UserError(
            f"{what}.",
            f"Name the folder or .pt file inside the repository: {place.repository}/FOLDER.",
        )
    return UserError(
        f"{what}, but there are in {name_some(below, _MOST_NAMED)}.",
        f"Name one: {place.repository}/{below[0]}.",
    )


def _folders_with_some(place: HubPlace) -> list[str]:
    """Below the place, or where nothing is there, in the whole repository; none where the hub
    doesn't tell."""
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError

    try:
        files = huggingface_hub.HfApi().list_repo_files(place.repository, revision=place.revision)
    except (HfHubHTTPError, OSError):
        return []
    paths = [PurePosixPath(file) for file in files[:_MOST_LISTED]]
    inside = [path for path in paths if place.inside in map(str, path.parents)] or paths
    return sorted({str(path.parent) for path in inside if is_part(path.name)} - {"."})
