"""What the user wrote down about the features of an SAE."""

import sqlite3
from collections.abc import Iterable

from engine.features.notes import MergeOutcome, Note, canonical_note, merge_notes


class NoteStore:
    """The table of notes."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Nobody else writes into that table while this one is used."""
        self._database = database
        self._read: dict[str, dict[int, Note]] = {}
        """Of the latest SAE that was asked for: thousands take longer to read than a page may."""

    def of(self, sae: str) -> dict[int, Note]:
        """Feature to note, for every feature of an SAE that has one, ascending; not to be changed.

        It stays as it is when notes are written afterwards.
        """
        if sae not in self._read:
            rows = self._database.execute(
                "SELECT feature, label, tags, starred, text FROM notes WHERE sae = ?"
                " ORDER BY feature",
                (sae,),
            )
            self._read = {sae: {feature: _note(*written) for feature, *written in rows}}
        return self._read[sae]

    def get(self, sae: str, feature: int) -> Note:
        """A feature's note; an empty one where nothing was written down."""
        row = self._database.execute(
            "SELECT label, tags, starred, text FROM notes WHERE sae = ? AND feature = ?",
            (sae, feature),
        ).fetchone()
        return Note() if row is None else _note(*row)

    def labels(self, sae: str) -> dict[int, str]:
        """Feature to label, for every labelled feature of an SAE."""
        rows = self._database.execute(
            "SELECT feature, label FROM notes WHERE sae = ? AND label <> ''", (sae,)
        )
        return dict(rows.fetchall())

    def set(self, sae: str, feature: int, note: Note) -> None:
        """Write a note in place of the feature's last one; an empty one takes it away.

        Raises UserError for tags that can't be.
        """
        note = canonical_note(note)
        self._read.pop(sae, None)
        if note == Note():
            self._database.execute(
                "DELETE FROM notes WHERE sae = ? AND feature = ?", (sae, feature)
            )
        else:
            self._database.execute(
                "INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?, ?, ?)",
                (sae, feature, note.label, " ".join(note.tags), note.starred, note.text),
            )

    def merge(
        self, sae: str, coming: Iterable[tuple[int, Note]], *, replace: bool = False
    ) -> MergeOutcome:
        """Add notes to those of an SAE: all, or none if one raises UserError. See `merge_notes`."""
        with self._database:
            self._database.execute("BEGIN")
            after, outcome = merge_notes(self.of(sae), coming, replace=replace)
            for feature, note in after.items():
                self.set(sae, feature, note)
        return outcome

    def forget(self, sae: str) -> None:
        """Take away every note of an SAE."""
        self._read.pop(sae, None)
        self._database.execute("DELETE FROM notes WHERE sae = ?", (sae,))


def _note(label: str, tags: str, starred: int, text: str) -> Note:
    return Note(label=label, tags=tuple(tags.split()), starred=bool(starred), text=text)
