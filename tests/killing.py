"""Killing a process at any of its file operations, as a power cut or the kernel does it."""

import hashlib
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

_OPERATIONS = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate"}


def killed_everywhere(work: Callable[[], object], *, step: int = 1) -> Iterator[int]:
    """Do `work` in a process that is killed just before its first file operation, and yield 0; then
    in another that is killed before its second, or before that which is `step` further; and so on.
    Ends with one that does it all."""
    for number in count(step=step):
        if not _is_killed(work, number):
            return
        yield number


def _is_killed(work: Callable[[], object], number: int) -> bool:
    """Whether the work has so many operations that it was killed before that of this number."""
    child = os.fork()
    if child == 0:
        try:
            _kill_before(number)
            work()
        finally:
            os._exit(_STATUS if sys.exc_info()[0] is None else 1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == _STATUS, "the work failed by itself"
    return False


_STATUS = 42


def _kill_before(number: int) -> None:
    left = number

    def hook(event: str, _: tuple[Any, ...]) -> None:
        nonlocal left
        if event in _OPERATIONS:
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    sys.addaudithook(hook)


@dataclass(frozen=True)
class Left:
    """What a kill at some moment leaves."""

    before: str
    """The operation that was not done any more: the last of those before which it looked so."""
    folder: Path
    """A copy."""


def left_by_kills(work: Callable[[], object], folder: Path, kept: Path) -> list[Left]:
    """Do `work`, and give what there is in `folder` before each of its file operations in it: the
    very files that a kill at that moment would leave. Moments that leave the same are one.

    Unlike `killed_everywhere` it does the work only once, in this process. The copies are in
    `kept`.
    """
    found: dict[str, Left] = {}
    lock, busy = threading.RLock(), threading.local()

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if getattr(busy, "looking", False) or not _changes(event, arguments, folder):
            return
        busy.looking = True  # what is done here counts for nothing
        with lock:  # what other threads do next waits until this is copied
            digest = digest_of(folder)
            copy = found[digest].folder if digest in found else kept / f"{len(found):04d}"
            if digest not in found:
                shutil.copytree(folder, copy, symlinks=True)
            found[digest] = Left(f"{event} {arguments}", copy)
        busy.looking = False

    _look_with(look)
    try:
        work()
    finally:
        _look_with(None)
    return list(found.values())


def _changes(event: str, arguments: tuple[Any, ...], folder: Path) -> bool:
    """Whether an operation changes something in a folder."""
    if event not in _OPERATIONS:
        return False
    if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        return False
    where = arguments[0]
    if isinstance(where, int):
        return True  # a file that is open, or a name in a folder that is
    return os.path.abspath(os.fsdecode(where)).startswith(f"{folder}/") or event in _IN_A_FOLDER


_IN_A_FOLDER = {"os.remove", "os.rmdir", "os.mkdir"}
"""Operations that may name a file by a folder that is open, as `shutil.rmtree` does."""


def contents(folder: Path) -> dict[str, bytes]:
    """All that is in a folder by its place there; temporary names have no random part."""
    return {
        _RANDOM.sub(".0.", str(path.relative_to(folder))): b""
        if path.is_dir()
        else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if not path.is_symlink()
    }


def digest_of(folder: Path) -> str:
    """The same for folders that hold the same."""
    digest = hashlib.sha256()
    for name, data in contents(folder).items():
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


_RANDOM = re.compile(r"\.[0-9a-f]{8}\.(?=new|old)")
_looking: Callable[[str, tuple[Any, ...]], None] | None = None
_is_hooked = False


def _look_with(look: Callable[[str, tuple[Any, ...]], None] | None) -> None:
    """Call `look` at every audited event of this process; None: at none any more."""
    global _looking, _is_hooked  # noqa: PLW0603 (a hook can't be taken away again)
    _looking = look
    if not _is_hooked:
        sys.addaudithook(lambda event, arguments: _looking and _looking(event, arguments))
        _is_hooked = True
