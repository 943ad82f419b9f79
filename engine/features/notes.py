"""What a user writes down about a feature (no torch here)."""

import msgspec


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was written down about one feature."""

    label: str = ""
    """What it answers to, in a few words."""
    tags: tuple[str, ...] = ()
    """Words to find it by, sorted, each once."""
    starred: bool = False
    text: str = ""
    """Anything longer."""
