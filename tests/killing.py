"""Killing a process at any of its file operations, as a power cut or the kernel does it."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
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
