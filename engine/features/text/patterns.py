"""Regular expressions that users type: what is wrong with one, and a limit on the time it takes.

They are those of the `regex` library, which are those of Python's `re` and more. Unlike `re`, it
can be told when to give up, and lets other threads run meanwhile: there are patterns that take
longer than anybody lives.
"""

import sys
import time
from collections.abc import Iterator
from typing import Any

import regex

from engine.errors import UserError
from engine.progress import SILENT, Progress

Pattern = regex.Pattern[str]

SECONDS = 20.0
"""How long a pattern may be looked for."""


def compile_pattern(pattern: str, *, ignore_case: bool = False) -> Pattern:
    """What a user typed as a pattern. Raises UserError that says where it can't be read."""
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error as error:
        about: Any = error  # the type stubs know none of its attributes
        where = "" if about.pos is None else f" at column {about.pos + 1}"
        raise UserError(
            f"The pattern {pattern} can't be read{where}: {about.msg}.",
            r"Signs that are meant as themselves take a backslash: \( \[ \* \+ \? \.",
        ) from error
    except (RecursionError, ValueError) as error:  # nested too deep; flags that exclude each other
        raise UserError(f"The pattern {pattern[:100]} can't be read: {error}.") from error


class TimedPattern:
    """A pattern to be looked for in many texts, for at most so many seconds together.

    `progress` is called before each text; what it raises ends the search.
    """

    def __init__(
        self,
        pattern: Pattern,
        seconds: float = SECONDS,
        progress: Progress = SILENT,
    ) -> None:
        self._pattern = pattern
        self._seconds = seconds
        self._progress = progress
        self._end = time.monotonic() + seconds

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the pattern matches, the first character of each match and that behind its last.

        Matches without a character are left out. Raises UserError when the time is up.
        """
        self._progress("look for the pattern", 0)
        try:
            for match in self._pattern.finditer(
                text, concurrent=True, timeout=self._seconds_left()
            ):
                first, last = match.span()
                if first < last:
                    yield first, last
        except (TimeoutError, MemoryError) as error:
            raise self._too_long(error) from None

    def is_in(self, text: str, first: int = 0, last: int = sys.maxsize) -> bool:
        """Whether the pattern matches somewhere in text[first:last], be it without a character.

        What stands before `first` can be looked back at. Raises UserError when the time is up.
        """
        self._progress("look for the pattern", 0)
        try:
            left = self._seconds_left()
            match = self._pattern.search(text, first, last, concurrent=True, timeout=left)
        except (TimeoutError, MemoryError) as error:
            raise self._too_long(error) from None
        return match is not None

    def _seconds_left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _too_long(self, error: Exception) -> UserError:
        over = f"longer than {self._seconds:g} seconds"
        return UserError(
            f"Looking for {self._pattern.pattern} took "
            f"{over if isinstance(error, TimeoutError) else 'too much memory'}.",
            "Repeats within repeats, such as (a+)+, do; write it without them.",
        )
