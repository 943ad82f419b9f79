"""Long lists of names, in messages."""

from collections.abc import Sequence


def name_some(names: Sequence[str], most: int) -> str:
    """`a, b and 3 more`: the first `most` of some names, those beyond only counted."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
