"""What the user calls the features of an SAE."""

import sqlite3


class Labels:
    """The table of labels."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def of(self, sae: str) -> dict[int, str]:
        """Feature to label, for every labelled feature of an SAE."""
        rows = self._database.execute("SELECT feature, text FROM labels WHERE sae = ?", (sae,))
        return dict(rows.fetchall())

    def set(self, sae: str, feature: int, text: str) -> None:
        """Name a feature; an empty text takes its name away."""
        if text:
            self._database.execute(
                "INSERT INTO labels VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET text = excluded.text",
                (sae, feature, text),
            )
        else:
            self._database.execute(
                "DELETE FROM labels WHERE sae = ? AND feature = ?", (sae, feature)
            )

    def forget(self, sae: str) -> None:
        """Take away every label of an SAE."""
        self._database.execute("DELETE FROM labels WHERE sae = ?", (sae,))
