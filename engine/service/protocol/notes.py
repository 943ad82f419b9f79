"""What the user writes down about features."""

import msgspec

from engine.features.notes import MergeOutcome, Note
from engine.service.protocol.request import Done, Request


class LabelFeature(Request[Done], frozen=True, kw_only=True):
    """Name a feature; an empty text takes the name away."""

    sae: str
    feature: int
    text: str


class Annotate(Request[Done], frozen=True, kw_only=True):
    """Write this down in place of what was written about a feature; an empty note takes it away."""

    sae: str
    feature: int
    note: Note


class AmendNote(Request[Note], frozen=True, kw_only=True):
    """Change parts of what is written about a feature, or none; the reply is the whole of it."""

    sae: str
    feature: int
    label: str | None = None
    """None: as it is; so with the others."""
    starred: bool | None = None
    text: str | None = None
    tag: tuple[str, ...] = ()
    """Tags to add."""
    untag: tuple[str, ...] = ()
    """Tags to take away."""


class NoteList(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All that was written down about the features of an SAE, by feature."""

    notes: dict[int, Note]


class GetNotes(Request[NoteList], frozen=True, kw_only=True):
    """What is written down about the features of an SAE?"""

    sae: str


class MergeNotes(Request[MergeOutcome], frozen=True, kw_only=True):
    """Add notes from elsewhere to what is written down: all or, where one can't be, none.

    Tags and stars come together. Of two labels, or texts, that differ, the one that is there stays
    or, with `replace`, the one that comes.
    """

    sae: str
    notes: list[tuple[int, Note]]
    """Feature and note; a feature may come several times."""
    replace: bool = False
