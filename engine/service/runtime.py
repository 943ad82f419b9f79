"""Where the daemon of a workspace can be reached, and how it is kept to one.

The socket lies in a folder of the user's own below /tmp, as tmux does it. Not in the workspace: a
Unix socket's path may have 107 bytes at most, and a workspace may lie on a file system that has no
sockets. Not in XDG_RUNTIME_DIR: that one is removed when the user's last connection is dropped,
and a dropped connection is what the daemon is there to survive. The folder must be ours and
closed to everybody else, or another user could answer in the daemon's place.
"""

import hashlib
import os
import stat
from pathlib import Path

from filelock import FileLock, Timeout

from engine.errors import UserError
from engine.workspace.folders import Workspace

RUNTIME_DIR = "BRAINSURG_RUNTIME_DIR"
"""Environment variable that names another folder than /tmp/brainsurg-UID."""
LONGEST_PATH = 107
"""Bytes that the path of a Unix socket may have."""
PATIENCE = 3.0
"""Seconds for which a new daemon waits for one that is just ending."""


def socket_path(workspace: Workspace) -> Path:
    """The daemon's socket, in a folder that is surely ours. UserError where it is not."""
    base = Path(os.environ.get(RUNTIME_DIR) or f"/tmp/brainsurg-{os.geteuid()}")
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        _check_ours(base)
    except FileExistsError:
        raise _unsafe(f"{base} is not a folder of your own") from None
    except OSError as error:
        raise _unsafe(f"{base} can't be made ({error.strerror})") from error
    name = hashlib.sha256(os.fsencode(workspace.root)).hexdigest()[:16]
    path = base / f"{name}.sock"
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise _unsafe(f"{base} is too long a path for a socket")
    return path


def only_daemon(workspace: Workspace) -> FileLock:
    """Hold the workspace for this process until it ends. UserError if another holds it."""
    lock = FileLock(workspace.root / "engine.lock")
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise UserError(
            f"Another engine already serves {workspace.root}.",
            "See: brainsurg engine status",
        ) from None
    return lock


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
        f"Set {RUNTIME_DIR} to a folder of your own.",
    )
