"""The prompts that a workspace keeps."""

import sqlite3

import msgspec

from engine.errors import UserError
from engine.model.prompt import Prompt

MOST = 1_000_000
"""Characters of a prompt: all of them travel with every list of what the workspace holds."""


class SavedPrompt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A prompt of the workspace."""

    id: int
    prompt: str
    category: str = ""


class PromptStore:
    """The table of prompts, in the order in which they were added."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def all(self) -> list[SavedPrompt]:
        rows = self._database.execute("SELECT id, prompt, category FROM prompts ORDER BY id")
        return [SavedPrompt(id=i, prompt=p, category=c) for i, p, c in rows]

    def fill(self, prompts: list[Prompt]) -> None:
        """Add all of `prompts`."""
        self._database.executemany(
            "INSERT INTO prompts (prompt, category) VALUES (?, ?)",
            [(p.prompt, p.category) for p in prompts],
        )

    def save(self, id: int | None, prompt: str, category: str) -> SavedPrompt:
        """Add a prompt (id None) or change one. UserError if it is empty, too long or not there."""
        if not prompt.strip():
            raise UserError("A prompt needs some text.")
        if max(len(prompt), len(category)) > MOST:
            raise UserError(
                f"A prompt may have {MOST:,} characters.",
                "Capture longer texts from a file: brainsurg capture --text FILE",
            )
        row = self._database.execute(
            "INSERT INTO prompts (prompt, category) VALUES (?, ?) RETURNING id"
            if id is None
            else "UPDATE prompts SET prompt = ?, category = ? WHERE id = ? RETURNING id",
            (prompt, category) if id is None else (prompt, category, id),
        ).fetchone()
        if row is None:
            raise UserError(f"There is no prompt {id}.")
        return SavedPrompt(id=row[0], prompt=prompt, category=category)

    def delete(self, id: int) -> None:
        """Take one away. UserError if it is not there."""
        if not self._database.execute("DELETE FROM prompts WHERE id = ?", (id,)).rowcount:
            raise UserError(f"There is no prompt {id}.")

    def restore(self, prompts: list[SavedPrompt]) -> None:
        """Make the table be `prompts`, ids included."""
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM prompts")
            self._database.executemany(
                "INSERT INTO prompts (id, prompt, category) VALUES (?, ?, ?)",
                [(p.id, p.prompt, p.category) for p in prompts],
            )
