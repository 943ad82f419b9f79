"""What a user did wrong, said clearly."""

from collections.abc import Iterable

import msgspec

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that hold something else than they should."""


class UserError(Exception):
    """An error that the user caused and can mend: what happened, and what to do about it.

    Everything else that is raised is a bug of ours and keeps its traceback.
    """

    def __init__(self, what: str, do: str = "") -> None:
        """`what` and `do` are sentences, the second optional: "There is no X." "Make one so."."""
        super().__init__(what, do)
        self.what = what
        self.do = do

    def __str__(self) -> str:
        return f"{self.what} {self.do}".strip()


def join_words(words: Iterable[str]) -> str:
    """`a, b and c`, for a sentence; empty for no words."""
    *others, last = [*words] or [""]
    return f"{', '.join(others)} and {last}" if others else last
