"""Which daemon holds a workspace, as it says itself: WORKSPACE/engine.json.

A lock (`engine.lock`) keeps a workspace to one daemon. It can't say whose it is, nor does it reach
every host that shares a disk. So the daemon that has it writes down where it runs, and touches that
file every `BEAT` seconds. Whoever can't reach it can at least name it, or end it.
"""

import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil
from filelock import FileLock, Timeout

from engine.errors import UNDECODABLE, UserError
from engine.files import write_whole
from engine.workspace.folders import Workspace

PATIENCE = 3.0
"""Seconds for which a new daemon waits for one that is just ending."""
BEAT = 20.0
"""Seconds between two touches of the file."""
SILENCE = 5 * BEAT
"""Seconds without a touch after which a daemon on another host is taken to be gone."""
KILL_AFTER = 70.0
"""Seconds that a daemon has to end by itself before it is killed: a training saves its state."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon that holds a workspace."""

    host: str
    pid: int
    root: str
    """The workspace's path when it began."""
    sockets: list[str]
    """Where it listens."""
    started: float
    """Seconds since the epoch."""
    slurm_job: str = ""
    """The number of the Slurm job that it runs in; empty outside of one."""

    @property
    def is_here(self) -> bool:
        """Whether it runs on this host."""
        return self.host == socket.gethostname()

    def __str__(self) -> str:
        since = time.strftime("%d %b %H:%M", time.localtime(self.started))
        job = f", in Slurm job {self.slurm_job}" if self.slurm_job else ""
        return f"process {self.pid} on {self.host}, since {since}{job}"


@contextmanager
def hold(workspace: Workspace, sockets: list[Path]) -> Iterator[None]:
    """Hold the workspace for this process. UserError, naming the other, if another holds it."""
    lock = FileLock(_lock_path(workspace))
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise _taken(workspace, read_holder(workspace)) from None
    try:
        before = read_holder(workspace)
        if before is not None and not before.is_here and _beats(workspace):
            raise _taken(workspace, before)
        holder = Holder(
            host=socket.gethostname(),
            pid=os.getpid(),
            root=str(workspace.root),
            sockets=list(map(str, sockets)),
            started=time.time(),
            slurm_job=os.environ.get("SLURM_JOB_ID", ""),
        )
        path = _path(workspace)
        write_whole(path, msgspec.json.encode(holder))
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        lock.release()


def beat(workspace: Workspace) -> None:
    """Say that this process, which holds the workspace, is alive."""
    with suppress(OSError):
        os.utime(_path(workspace))


def read_holder(workspace: Workspace) -> Holder | None:
    """What the workspace says of its daemon, which may have been killed since; None if nothing."""
    try:
        return msgspec.json.decode(_path(workspace).read_bytes(), type=Holder)
    except (OSError, *UNDECODABLE):
        return None


def living_holder(root: Path) -> Holder | None:
    """The daemon that holds the workspace at `root`, whether or not it can be reached."""
    workspace = Workspace.at(root)
    holder = read_holder(workspace)
    if holder is None:
        return None
    if not holder.is_here:
        return holder if _beats(workspace) else None
    return holder if _process(holder) is not None else None


def end_holder(root: Path) -> bool:
    """End the daemon that holds the workspace at `root`, by a signal; False if there is none.

    Raises UserError for one on another host, or of another user.
    """
    holder = living_holder(root)
    if holder is None:
        return False
    process = _process(holder) if holder.is_here else None
    if process is None:
        cancel = f", or: scancel {holder.slurm_job}" if holder.slurm_job else ""
        raise UserError(
            f"The engine of {root} is {holder}.",
            f"Run on {holder.host}: brainsurg engine stop{cancel}",
        )
    try:
        process.terminate()
        try:
            process.wait(KILL_AFTER)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(KILL_AFTER)
    except psutil.AccessDenied as error:
        raise UserError(
            f"The engine of {root} is {holder}, of another user.", "Ask them to end it."
        ) from error
    return True


def _process(holder: Holder) -> psutil.Process | None:
    """The holder's process on this host, if that still is a daemon."""
    with suppress(psutil.Error):
        process = psutil.Process(holder.pid)
        running = process.status() != psutil.STATUS_ZOMBIE
        if running and "engine.service.daemon" in process.cmdline():
            return process
    return None


def _beats(workspace: Workspace) -> bool:
    """Whether the file was touched lately, by the clock of the disk that it is on."""
    probe = workspace.root / f".clock-{uuid.uuid4().hex}"
    try:
        probe.touch()
        now = probe.stat().st_mtime
        return now - _path(workspace).stat().st_mtime < SILENCE
    except OSError:
        return False
    finally:
        with suppress(OSError):
            probe.unlink()


def _taken(workspace: Workspace, holder: Holder | None) -> UserError:
    if holder is None:
        return UserError(
            f"Another engine already serves {workspace.root}.", "End it with: brainsurg engine stop"
        )
    where = "" if holder.is_here else f"On {holder.host}, end it with: brainsurg engine stop"
    renamed = f" as {holder.root}" if holder.root != str(workspace.root) else ""
    return UserError(
        f"Another engine already serves {workspace.root}{renamed}: {holder}.",
        where or "End it with: brainsurg engine stop",
    )


def _lock_path(workspace: Workspace) -> Path:
    return workspace.root / "engine.lock"


def _path(workspace: Workspace) -> Path:
    return workspace.root / "engine.json"
