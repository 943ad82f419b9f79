"""`brainsurg` on a terminal of its own, as a real process: what it is typed, and what it sends."""

import fcntl
import os
import re
import select
import struct
import termios
import time
from collections.abc import Sequence
from pathlib import Path

OWN = re.compile(
    rb"""
      \x1b \[ [0-9;]* m             # colours
    | \x1b \[ [0-9;]* H             # where to write
    | \x1b \[ [0-9]* [AGK]          # up, to a column, clear a line: a line of progress
    | \x1b \[ \? [0-9]+ [hl]        # another screen, cursor, mouse, pasting
    | \x1b \[ \? [0-9]+ \$ p        # whether the terminal can hold a picture back
    | \x1b \[ \? u | \x1b \[ [<>=] [0-9;]* u   # all of a key that is pressed
    | \x1b \] 22 ; [a-z-]* \x07     # the shape of the mouse's pointer
    | [\r\n\t]
    """,
    re.VERBOSE,
)
"""All that the app and the commands send to a terminal besides text."""
_CUT_OFF = re.compile(rb"\x1b(\[[0-9;?<>=$]*)?\Z")
"""The beginning of a sequence, where reading has ended in the middle of it."""


def not_its_own(sent: bytes) -> set[str]:
    """What a terminal obeys, or is misled by, of what was sent, but for the program's own."""
    text = OWN.sub(b"", _CUT_OFF.sub(b"", sent)).decode(errors="ignore")
    return {text[found.start() : found.start() + 12] for found in _OBEYED.finditer(text)}


_OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, which escape sequences begin with, and what turns the direction of a text."""


class Terminal:
    """A pseudo-terminal of 80 × 24 with a program on it."""

    def __init__(self, command: Sequence[str], **environment: str) -> None:
        self.sent = b""
        self._pid, self._fd = os.forkpty()
        if self._pid == 0:
            os.execve(
                command[0], list(command), {**os.environ, "TERM": "xterm-256color", **environment}
            )
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def type(self, keys: str) -> None:
        """Press keys, one after the other."""
        os.write(self._fd, keys.encode())

    def read_until(self, text: str, seconds: float = 60.0) -> None:
        """Read until the text has been sent, from where this was last asked."""
        start, deadline = len(self.sent), time.monotonic() + seconds
        while text.encode() not in OWN.sub(b"", self.sent[start:]):
            assert self._read(deadline), f"It ended without {text!r}: {self.sent[start:]!r}"

    def read_all(self, seconds: float = 60.0) -> int:
        """Read until the program ends; its exit status."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass
        return self.hang_up()

    def hang_up(self) -> int:
        """Go away, and wait until the program ends; its exit status."""
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"Nothing more was sent: {self.sent[-300:]!r}"
        try:
            more = os.read(self._fd, 1 << 16)
        except OSError:  # Linux says so that the other side is closed
            more = b""
        self.sent += more
        return bool(more)


def brainsurg(program: Sequence[str], workspace: Path, *words: str) -> Terminal:
    """The command on a workspace."""
    return Terminal([*program, *words], BRAINSURG_WORKSPACE=str(workspace))
