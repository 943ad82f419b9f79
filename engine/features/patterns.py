"""Regular expressions of users: what is wrong with one, and no more time than it is given.

They are those of the `regex` library, which are those of Python's `re` and more. Unlike `re`, it
can be told when to give up, and lets other threads run meanwhile: there are patterns that take
longer than anybody lives.
"""

import time
from collections.abc import Iterator

import regex

from engine.errors import UserError

Pattern = regex.Pattern[str]

SECONDS = 20.0
"""How long a pattern may be looked for."""


def compiled(pattern: str, *, ignore_case: bool = False) -> Pattern:
    """The pattern. Raises UserError that says at which column it can't be read."""
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error as error:
        column = (error.pos or 0) + 1
        raise UserError(
            f"The pattern {pattern} can't be read at column {column}: {error.msg}.",
            r"Signs that are meant as themselves take a backslash: \( \[ \* \+ \? \.",
        ) from error


class Stopwatch:
    """Looks for a pattern in many texts, within one allotment of time."""

    def __init__(self, pattern: Pattern, seconds: float = SECONDS) -> None:
        self._pattern = pattern
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the pattern matches, the first character of each match and that behind its last.

        Matches without a character are left out. Raises UserError when the time is up.
        """
        left = self._end - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            for match in self._pattern.finditer(text, concurrent=True, timeout=left):
                first, last = match.span()
                if first < last:
                    yield first, last
        except TimeoutError:
            raise UserError(
                f"Looking for {self._pattern.pattern} took longer than {self._seconds:g} seconds.",
                "Repeats within repeats, such as (a+)+, take that long; write it without them.",
            ) from None
