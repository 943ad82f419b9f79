"""What a user writes down about a feature (no torch here)."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from engine.errors import UserError

MOST_LABEL, MOST_TAGS, MOST_TEXT = 10_000, 10_000, 1_000_000
"""Characters of a label, of all tags and of a text: every list of features carries them."""


class Note(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Everything that was written down about one feature."""

    label: str = ""
    """What it answers to, in a few words."""
    tags: tuple[str, ...] = ()
    """Words to find it by, sorted, each once."""
    starred: bool = False
    text: str = ""
    """Anything longer."""


class MergeOutcome(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How many features' notes changed when notes were added to others."""

    new: int
    """Features of which something was written down that was not there,"""
    same: int
    """of which all was there already,"""
    conflicting: list[int]
    """and whose label or text is another one; ascending."""
    replaced: bool
    """Whether those were overwritten, or left."""


def canonical_note(note: Note) -> Note:
    """A note in the form in which it is stored: no space around anything, tags sorted, each once.

    Raises UserError for a tag with a space or a comma in it, by which lists of tags are separated,
    and for what is too long.
    """
    tags = {tag.strip() for tag in note.tags} - {""}
    for tag in sorted(tags):
        if re.search(r"[\s,]", tag):
            raise UserError(f"{tag!r} can't be a tag.", "A tag has no spaces or commas in it.")
    lengths = {
        "A label": (len(note.label), MOST_LABEL),
        "The tags of a feature": (sum(map(len, tags)), MOST_TAGS),
        "The text of a note": (len(note.text), MOST_TEXT),
    }
    for what, (length, most) in lengths.items():
        if length > most:
            raise UserError(
                f"{what} may have {most:,} characters, and here are {length:,}.", "Write less."
            )
    return Note(
        label=note.label.strip(),
        tags=tuple(sorted(tags)),
        starred=note.starred,
        text=note.text.strip(),
    )


def merge_notes(
    notes: Mapping[int, Note], coming: Iterable[tuple[int, Note]], *, replace: bool = False
) -> tuple[dict[int, Note], MergeOutcome]:
    """The notes that change when others are added to them, and a count of what happened.

    Tags and stars come together. Of two labels, or texts, that differ, the one that is there stays
    or, with `replace`, the one that comes. A feature may come several times.
    """
    changed: dict[int, Note] = {}
    added, conflicting, seen = set(), set(), set()
    for feature, note in coming:
        seen.add(feature)
        old, new = changed.get(feature, notes.get(feature, Note())), canonical_note(note)
        if _differ(old.label, new.label) or _differ(old.text, new.text):
            conflicting.add(feature)
        first, last = (new, old) if replace else (old, new)
        both = Note(
            label=first.label or last.label,
            tags=tuple(sorted({*old.tags, *new.tags})),
            starred=old.starred or new.starred,
            text=first.text or last.text,
        )
        if both != old:
            changed[feature] = both
            added.add(feature)
    outcome = MergeOutcome(
        new=len(added - conflicting),
        same=len(seen - added - conflicting),
        conflicting=sorted(conflicting),
        replaced=replace,
    )
    return changed, outcome


def _differ(old: str, new: str) -> bool:
    return bool(old and new and old != new)
