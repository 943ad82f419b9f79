"""Writing that is either whole or not there, and checksums.

A reader never sees half a file or folder, at whatever moment a writer is killed or the power goes:
what is written goes under a temporary name beside its target, `.NAME.8_HEX_DIGITS.new`, is synced
to disk, and takes its target's place in one step. The writer holds a lock (flock) on it; who finds
one that nobody holds knows that its writer was killed, and removes it.

A folder takes another's place by exchanging their names, where the system can do that. Where it
can't, the old one is renamed `.NAME.8_HEX_DIGITS.old` first; found without a folder NAME, it is put
back.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from engine.errors import UserError
from engine.exchange import exchange

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_LEFTOVER = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.(?P<role>new|old)", re.DOTALL)


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
    """Yield a temporary path; when the block ends well, what was written there becomes `path`.

    A file that is there is replaced. The new one may be read by whom the process's umask allows.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(path, lambda new: new.touch(mode=0o666, exist_ok=False)) as temporary:
        try:
            yield temporary
            _sync_file(temporary)
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
    """Yield a temporary folder; when the block ends well, it becomes `path`, synced to disk.

    Raises UserError where nothing can be written, and if `path` exists and `replace` is false:
    before the block or, if somebody else made it meanwhile, after it.
    """
    if not replace:
        check_absent(path)
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = stack.enter_context(_temporary(path, Path.mkdir))
        except OSError as error:
            raise UserError(
                f"{path} can't be written: {error.strerror}.", "Name another place."
            ) from error
        try:
            yield temporary
            sync_tree(temporary)
            if not replace:
                check_absent(path)
            if path.exists():
                _take_place_of(path, temporary)
            else:
                temporary.rename(path)
            sync_folder(path.parent)
        finally:
            _remove(temporary)


def put_in_place(folder: Path, path: Path, *, replace: bool = False) -> None:
    """Let a folder, all files of which are synced, become `path`, on the same disk.

    Raises UserError if `path` exists and `replace` is false.
    """
    if not replace:
        check_absent(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, path.name)
    sync_folder(folder)
    if path.exists():
        _take_place_of(path, folder)
        _remove(folder)
    else:
        folder.rename(path)
    sync_folder(path.parent)


def check_absent(path: Path) -> None:
    """Raise UserError if there is something at `path`."""
    if os.path.exists(path):  # pathlib's raises for a name that is too long
        raise UserError(f"{path} is already there.", "Choose another name, or remove it first.")


def remove_folder(path: Path) -> None:
    """Remove a folder, if there is one, so that no reader finds half of it: rename, then delete."""
    aside = _beside(path, "new")
    with contextlib.suppress(FileNotFoundError):
        path.rename(aside)
        sync_folder(path.parent)
        _remove(aside)


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Mend in `folder` what killed writers have left of their work on `name` (None: on any name).

    What was not whole is removed, and what was only moved aside is put back. What a writer that is
    alive holds is left alone.
    """
    for leftover in sorted(folder.glob(".*")):
        found = _LEFTOVER.fullmatch(leftover.name)
        if found is None or (name is not None and found["name"] != name):
            continue
        with contextlib.suppress(OSError):
            lock = _lock(leftover)
            if lock is not None and lock.is_held:
                _mend(leftover, folder / found["name"], found["role"])
            _close(lock)


def _mend(leftover: Path, target: Path, role: str) -> None:
    if role == "old" and not target.exists():
        leftover.rename(target)
    else:
        _remove(leftover)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sync_tree(folder: Path) -> None:
    """Make all that is in `folder` survive a power cut."""
    for inner, _, names in os.walk(folder):
        for name in names:
            _sync_file(Path(inner, name))
        sync_folder(Path(inner))


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _temporary(path: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """A new file or folder beside `path`, locked by this process until the block ends."""
    remove_leftovers(path.parent, path.name)
    while True:
        temporary = _beside(path, "new")
        make(temporary)
        lock = _lock(temporary)
        if lock is not None and temporary.exists():
            break
        # Another process took it for a leftover before it was locked.
        _close(lock)
    try:
        yield temporary
    finally:
        _close(lock)


class _Lock(NamedTuple):
    """An open file or folder. It is locked where its file system has locks."""

    fd: int
    is_held: bool
    """False where another process holds it, or there are no locks."""


def _lock(path: Path) -> _Lock | None:
    """Lock a file or folder for this process until the lock is closed; None if it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return _Lock(fd, is_held=False)
    return _Lock(fd, is_held=True)


def _close(lock: _Lock | None) -> None:
    if lock is not None:
        os.close(lock.fd)


def _take_place_of(path: Path, temporary: Path) -> None:
    """Put a folder in another's place. What is left at `temporary` afterwards is not needed."""
    if exchange(temporary, path):
        return
    aside = _beside(path, "old")
    lock = _lock(path)  # so that nobody takes what is aside for a killed writer's
    try:
        path.rename(aside)
        try:
            temporary.rename(path)
        except OSError:
            aside.rename(path)
            raise
        sync_folder(path.parent)
        _remove(aside)
    finally:
        _close(lock)


def _beside(path: Path, role: str) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.{role}")


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
