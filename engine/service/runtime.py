"""Where the daemon of a workspace can be reached.

Its socket lies in a folder of the user's own below /tmp, as tmux does it. Not in XDG_RUNTIME_DIR:
that one is removed when the user's last connection is dropped, and a dropped connection is what the
daemon is there to survive. The folder must be ours and closed to everybody else, or another user
could answer in the daemon's place.

A second socket lies in the workspace, where that is possible: a Unix socket's path may have 107
bytes at most, and a workspace may lie on a file system that has no sockets.
"""

import hashlib
import os
import stat
from pathlib import Path

from engine.errors import UserError
from engine.workspace.folders import Workspace

RUNTIME_DIR = "BRAINSURG_RUNTIME_DIR"
"""Environment variable that names another folder than /tmp/brainsurg-UID."""
LONGEST_PATH = 107
"""Bytes that the path of a Unix socket may have."""


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


def socket_paths(workspace: Workspace) -> list[Path]:
    """Where the daemon listens: its socket, and one in the workspace where such a path can be a
    socket's. That one is found from other logins, whose /tmp may be another."""
    beside = workspace.root / "engine.sock"
    fits = len(os.fsencode(beside)) <= LONGEST_PATH and not workspace.is_read_only
    return [socket_path(workspace), *([beside] if fits else [])]


def logs_folder(workspace: Workspace) -> Path:
    """Where the daemon and its workers log: in the workspace, or beside the socket where that can
    only be read."""
    if not workspace.is_read_only:
        return workspace.logs
    folder = socket_path(workspace).with_suffix(".logs")
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def is_own_socket(path: Path) -> bool:
    """Whether a path is a socket of ours, so that nobody else answers there."""
    try:
        state = path.lstat()
    except OSError:
        return False
    return stat.S_ISSOCK(state.st_mode) and state.st_uid == os.geteuid()


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
