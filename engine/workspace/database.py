"""The workspace's SQLite database.

One process writes it, the engine daemon; WAL lets anybody else read meanwhile, and `user_version`
says which tables to expect.
"""

import sqlite3
from pathlib import Path

from engine.errors import UserError

SCHEMA_VERSION = 2

_SCHEMA = """
CREATE TABLE prompts (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt   TEXT NOT NULL,
    category TEXT NOT NULL
);
CREATE TABLE jobs (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    spec    TEXT NOT NULL,
    state   TEXT NOT NULL,
    created REAL NOT NULL,
    started REAL,
    ended   REAL,
    pid     INTEGER,
    error   TEXT NOT NULL DEFAULT '',
    result  TEXT
);
CREATE TABLE events (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    job  INTEGER NOT NULL REFERENCES jobs (id),
    time REAL NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX events_of_job ON events (job, kind, seq);
"""

_NOTES = """
CREATE TABLE notes (
    sae     TEXT NOT NULL,
    feature INTEGER NOT NULL,
    label   TEXT NOT NULL,
    tags    TEXT NOT NULL, -- with a space between each two
    starred INTEGER NOT NULL,
    text    TEXT NOT NULL,
    PRIMARY KEY (sae, feature)
) WITHOUT ROWID;
"""

_STEPS = {
    0: _SCHEMA + _NOTES,
    1: f"{_NOTES} INSERT INTO notes SELECT sae, feature, text, '', 0, '' FROM labels;"
    "DROP TABLE labels;",
}
"""From a version of the tables, 0 being an empty file, to the newest."""


def open_database(path: Path) -> sqlite3.Connection:
    """The database at `path`, with its tables. Every statement commits by itself.

    Raises UserError if the file is no database, or was written by a newer version of ours.
    """
    try:
        database = sqlite3.connect(path, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        # WAL with NORMAL loses at most the newest events in a power cut, and never the file.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA foreign_keys = ON")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version in _STEPS:
            step = f"{_STEPS[version]} PRAGMA user_version = {SCHEMA_VERSION};"
            database.executescript(f"BEGIN; {step} COMMIT;")
    except sqlite3.Error as error:
        raise UserError(
            f"The workspace's database {path} can't be used: {error}.",
            "Move it away to begin a new one; activations and SAEs are kept beside it.",
        ) from error
    if version > SCHEMA_VERSION:
        raise UserError(
            f"The workspace at {path.parent} was written by a newer Brain Surgery.",
            "Update this one, or name another workspace with --workspace.",
        )
    return database
