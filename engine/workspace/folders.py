"""Where things lie in a workspace.

    WORKSPACE/
      brainsurg.sqlite          prompts, notes, jobs and their events
      activations/NAME/         one activation set
      saes/NAME/                one sparse autoencoder
      catalogues/NAME/          the feature catalogue of the SAE of that name
      checkpoints/NAME/         where a training of that name that isn't done stands
      captures/NAME/            what a capture of that name that isn't done has stored so far
      scans/NAME/               what a scan of the SAE of that name that isn't done has found so far
      clamps/                   reports of clamps, one file each
      reports/                  what was copied or exported from the app
      logs/                     engine.log, and one log for each job

Nothing here is ever half written: see `engine.files`.
"""

import errno
import os
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from engine.errors import UserError
from engine.files import checked_name, remove_leftovers

_FOLDERS = (
    "activations",
    "saes",
    "catalogues",
    "captures",
    "checkpoints",
    "scans",
    "clamps",
    "reports",
    "logs",
)
_WRITTEN = (
    "activations",
    "saes",
    "catalogues",
    "captures",
    "captures/*",
    "captures/*/*",
    "checkpoints",
    "checkpoints/*",
    "scans",
    "clamps",
)
"""Where killed writers may have left something behind."""
_LONGEST = 512 - len("-journal")
"""Bytes in the path of a database: SQLite has room for 512, with what it appends to the name."""
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)
_OLDER_ASIDE = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}\.old")


@dataclass(frozen=True)
class Workspace:
    """The folder that everything is kept in."""

    root: Path
    is_read_only: bool = False
    """Whether nothing can be written in it; then it is only read."""

    @classmethod
    def at(cls, root: Path) -> "Workspace":
        """The workspace at `root`, there or not. UserError for what can't be a path."""
        try:
            return cls(root.expanduser().resolve())
        except (OSError, RuntimeError) as error:  # an unknown ~user, a circle of links
            raise UserError(
                f"The workspace {root} can't be found: {error}.", "Name another with --workspace."
            ) from error

    @classmethod
    def open(cls, root: Path) -> "Workspace":
        """The workspace at `root`, made if it is not there. One that is there and can't be written
        for want of permission is opened to be read. UserError where neither can be done."""
        workspace = cls.at(root)
        length = len(os.fsencode(workspace.database))
        if length > _LONGEST:
            raise UserError(
                f"The path of the workspace's database has {length} bytes, and SQLite takes no more"
                f" than {_LONGEST}: {workspace.database}.",
                "Name a workspace with a shorter path with --workspace.",
            )
        try:
            for folder in _FOLDERS:
                (workspace.root / folder).mkdir(parents=True, exist_ok=True)
            probe = workspace.root / f".write-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
        except (OSError, NotADirectoryError) as error:
            if error.errno in _NOT_WRITABLE and os.access(workspace.database, os.R_OK):
                return cls(workspace.root, is_read_only=True)
            raise UserError(
                f"The workspace {workspace.root} can't be written: {error.strerror}.",
                "Name another with --workspace.",
            ) from error
        return workspace

    @property
    def database(self) -> Path:
        return self.root / "brainsurg.sqlite"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def clamps(self) -> Path:
        return self.root / "clamps"

    def activations(self, name: str) -> Path:
        """The folder of an activation set, whether it is there or not."""
        return self.root / "activations" / checked_name(name)

    def sae(self, name: str) -> Path:
        """The folder of an SAE, whether it is there or not."""
        return self.root / "saes" / checked_name(name)

    def catalogue(self, sae: str) -> Path:
        """The folder of an SAE's feature catalogue, whether it is there or not."""
        return self.root / "catalogues" / checked_name(sae)

    def checkpoints(self, name: str) -> Path:
        """The folder of a training's checkpoints, whether it is there or not."""
        return self.root / "checkpoints" / checked_name(name)

    def capture(self, name: str) -> Path:
        """The folder of a capture that isn't done, whether there is one or not."""
        return self.root / "captures" / checked_name(name)

    def scan(self, sae: str) -> Path:
        """The folder of a scan of an SAE that isn't done, whether there is one or not."""
        return self.root / "scans" / checked_name(sae)

    def existing_activations(self, name: str) -> Path:
        """The folder of an activation set; UserError if there is none of that name."""
        return self._existing("activations", name, "Make one with: brainsurg capture")

    def existing_sae(self, name: str) -> Path:
        """The folder of an SAE; UserError if there is none of that name."""
        return self._existing("saes", name, "Make one with: brainsurg train")

    def existing_catalogue(self, sae: str) -> Path:
        """The folder of an SAE's catalogue, or else of what a scan that isn't done has found;
        UserError if it was never scanned."""
        self.existing_sae(sae)
        for path in (self.catalogue(sae), self.scan(sae)):
            if path.exists():
                return path
        raise UserError(
            f"The SAE {sae!r} has not been scanned yet.", f"Do it with: brainsurg scan {sae}"
        )

    def names(self, kind: str) -> list[str]:
        """The names of all `activations` or `saes`, sorted."""
        folder = self.root / kind
        if self.is_read_only and not folder.exists():  # it may be of an older version
            return []
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))

    def check_writable(self) -> None:
        """Raise UserError for a workspace that can only be read."""
        if self.is_read_only:
            raise UserError(
                f"Nothing can be changed in {self.root}: you may only read it.",
                "Make it writable, or name another with --workspace.",
            )

    def clean_up(self) -> None:
        """Mend what killed writers left behind. Only for a time when nobody writes."""
        for kind in _WRITTEN:
            for folder in self.root.glob(kind):
                if folder.is_dir():
                    remove_leftovers(folder)
                    _remove_older_leftovers(folder)

    def _existing(self, kind: str, name: str, do: str) -> Path:
        path = self.root / kind / checked_name(name)
        if not path.exists():
            known = ", ".join(self.names(kind)[:8])
            there = f"There are: {known}." if known else do
            what = {"activations": "activation set", "saes": "SAE"}[kind]
            raise UserError(f"There is no {what} {name!r} in {self.root}.", there)
        return path


Stamp = tuple[int, int]


def _remove_older_leftovers(folder: Path) -> None:
    """Mend what killed writers of earlier versions left behind, which they named otherwise."""
    for leftover in folder.glob(".*"):
        aside = _OLDER_ASIDE.fullmatch(leftover.name)
        if aside is not None and not (folder / aside["name"]).exists():
            leftover.rename(folder / aside["name"])
        else:
            shutil.rmtree(leftover, ignore_errors=True)


def stamp(folder: Path) -> Stamp:
    """Something that changes when the folder is replaced by another of its name."""
    state = folder.stat()
    return state.st_ino, state.st_ctime_ns
