"""Writing that is either whole or not there, and checksums.

A reader never sees half a file: what is written goes under a temporary name beside its target,
is synced to disk, and is renamed over it. A folder is made the same way.
"""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.errors import UserError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")


def checked_name(name: str) -> str:
    """`name` itself if it can be the name of a thing in a workspace, else a UserError."""
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} can't be a name.",
            "Use letters, digits and . _ - @ +, beginning with a letter or digit.",
        )
    return name


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path; when the block ends well, what was written there becomes `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(fd)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path`, atomically."""
    with whole_file(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def whole_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder; when the block ends well, it becomes `path`.

    Raises UserError where nothing can be written, and if `path` exists and `replace` is false:
    before the block or, if somebody else made it meanwhile, after it. With `replace` the old
    folder is moved aside first and removed last, so that one of the two is always there.
    """
    if not replace:
        check_absent(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise UserError(
            f"{path} can't be written: {error.strerror}.", "Name another place."
        ) from error
    aside = temporary.with_name(temporary.name + ".old")
    try:
        yield temporary
        temporary.chmod(0o755)
        if not replace:
            check_absent(path)
        elif path.exists():
            path.rename(aside)
        try:
            temporary.rename(path)
        except OSError:
            if aside.exists():
                aside.rename(path)
            raise
        sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


def check_absent(path: Path) -> None:
    """Raise UserError if there is something at `path`."""
    if path.exists():
        raise UserError(f"{path} is already there.", "Choose another name, or remove it first.")


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
