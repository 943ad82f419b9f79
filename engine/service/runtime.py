"""Where the daemon of a workspace can be reached, and how it is kept to one.

The socket lies in the user's runtime folder, not in the workspace: a Unix socket's path may have
107 bytes at most, and a workspace may lie on a file system that has no sockets. The folder must
be ours and closed to everybody else, or another user could answer in the daemon's place.
"""

import hashlib
import os
import stat
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from engine.errors import UserError
from engine.workspace.folders import Workspace


def socket_path(workspace: Workspace) -> Path:
    """The daemon's socket, in a folder that is surely ours. UserError where it is not."""
    base = Path(platformdirs.user_runtime_dir("brainsurg", ensure_exists=False))
    folder = base / hashlib.sha256(os.fsencode(workspace.root)).hexdigest()[:16]
    base.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_safe_parent(base.parent)
    for part in (base, folder):
        part.mkdir(mode=0o700, exist_ok=True)
        _check_ours(part)
    return folder / "engine.sock"


def only_daemon(workspace: Workspace) -> FileLock:
    """Hold the workspace for this process until it ends. UserError if another holds it."""
    lock = FileLock(workspace.root / "engine.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"Another engine already serves {workspace.root}.",
            "See: brainsurg engine status",
        ) from None
    return lock


def _check_safe_parent(folder: Path) -> None:
    """What lies in `folder` must be safe from being renamed by others."""
    state = folder.stat()
    writable_by_others = bool(state.st_mode & 0o022) and not state.st_mode & stat.S_ISVTX
    if state.st_uid not in (0, os.geteuid()) or writable_by_others:
        raise _unsafe(f"Others may change what lies in {folder}")


def _check_ours(folder: Path) -> None:
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid():
        raise _unsafe(f"{folder} is not a folder of your own")
    if state.st_mode & 0o077:
        raise UserError(
            f"{folder} is open to other users, so the engine can't be reached safely.",
            f"Close it with: chmod 700 {folder}",
        )


def _unsafe(what: str) -> UserError:
    return UserError(
        f"{what}, so the engine can't be reached safely.",
        "Set XDG_RUNTIME_DIR to a folder of your own.",
    )
