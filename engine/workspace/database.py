"""The workspace's SQLite database.

One process writes it, the engine daemon; WAL lets anybody else read meanwhile, but for network file
systems, which it isn't made for. `user_version` says which tables to expect.
"""

import contextlib
import re
import shutil
import sqlite3
import tempfile
from pathlib import Path
from urllib.parse import quote

import psutil

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


_NETWORK = re.compile(
    r"(nfs|cifs|smb|lustre|beegfs|gpfs|ceph|afs|9p|pvfs2|orangefs|panfs|ncpfs|glusterfs|fuse\.)"
)
"""How the types of file systems begin that several hosts may share; fuse.sshfs is one."""
_NO_TEXT = "the description of its tables is damaged"
_PATIENCE = 5.0
"""Seconds to wait, when the database is opened, for another program that uses it."""
_PATIENCE_IN_USE = 0.25
"""The same afterwards, when the daemon has other things to do."""


def open_database(path: Path) -> sqlite3.Connection:
    """The database at `path`, with its tables. Every statement commits by itself.

    Raises UserError if the file is no database, can't be read or written, or was written by a newer
    version of ours.
    """
    try:
        database = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE)
        database.text_factory = lambda text: text.decode(errors="replace")  # a damaged one is shown
        # WAL needs memory that all who use the file share, which hosts on a network don't.
        journal = "DELETE" if _is_on_network(path) else "WAL"
        database.execute(f"PRAGMA journal_mode = {journal}")
        # WAL with NORMAL loses at most the newest events in a power cut, and never the file.
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA foreign_keys = ON")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        _check_tables(database)
        _bring_up_to_date(database, version)
        database.execute(f"PRAGMA busy_timeout = {1000 * _PATIENCE_IN_USE:.0f}")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise UserError(
            f"The workspace's database {path} can't be used: {_sentence(error)}.", _advice(error)
        ) from error
    _check_version(version, path)
    return database


def read_database(path: Path) -> sqlite3.Connection:
    """A copy in memory of the database at `path`, which need not be writable, with the tables of
    this version. What is written into it is gone when it is closed.

    Raises UserError as `open_database`.
    """
    memory = sqlite3.connect(":memory:", isolation_level=None)
    memory.text_factory = lambda text: text.decode(errors="replace")
    try:
        _copy_into(memory, path)
        (version,) = memory.execute("PRAGMA user_version").fetchone()
        _check_tables(memory)
        _bring_up_to_date(memory, version)
    except (sqlite3.Error, UnicodeDecodeError, OSError) as error:
        advice = "" if isinstance(error, OSError) else _advice(error)
        raise UserError(
            f"The workspace's database {path} can't be read: {_sentence(error)}.", advice
        ) from error
    _check_version(version, path)
    return memory


def _copy_into(memory: sqlite3.Connection, path: Path) -> None:
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_PATIENCE)
        ) as database:
            database.backup(memory)
    except sqlite3.OperationalError:
        # To read with a write-ahead log, SQLite needs a file beside that it can't make here. It
        # gets copies, in a place where it can.
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("", "-wal"):
                source = path.with_name(path.name + suffix)
                if suffix == "" or source.exists():
                    shutil.copyfile(source, Path(folder, path.name + suffix))
            with contextlib.closing(sqlite3.connect(Path(folder, path.name))) as database:
                database.backup(memory)


def _check_tables(database: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError where what describes the tables is no text any more."""
    texts = database.execute("SELECT coalesce(sql, '') FROM sqlite_schema")
    if any("\ufffd" in text for (text,) in texts):
        raise sqlite3.DatabaseError(_NO_TEXT)


def _sentence(error: Exception) -> str:
    """What is wrong. SQLite quotes damaged descriptions in its errors; Python can't decode that."""
    return _NO_TEXT if isinstance(error, UnicodeDecodeError) else str(error)


def _bring_up_to_date(database: sqlite3.Connection, version: int) -> None:
    """Make the tables of this version out of those of an older one."""
    if version in _STEPS:
        step = f"{_STEPS[version]} PRAGMA user_version = {SCHEMA_VERSION};"
        database.executescript(f"BEGIN; {step} COMMIT;")


def _check_version(version: int, path: Path) -> None:
    if version > SCHEMA_VERSION:
        raise UserError(
            f"The workspace at {path.parent} was written by a newer Brain Surgery.",
            "Update this one, or name another workspace with --workspace.",
        )


def database_error(error: sqlite3.Error) -> UserError:
    """What the user reads when something could not be read from the database, or written to it."""
    return UserError(f"The workspace's database can't be used: {error}.", _advice(error))


def _advice(error: sqlite3.Error | UnicodeDecodeError) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    match None if code is None else code & 0xFF:  # the other bits are details of the same
        case sqlite3.SQLITE_FULL:
            return "The disk is full: make room on it, and try again."
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "Another program has it open to write: end that, and try again."
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return "Make the workspace writable, or name another with --workspace."
        case sqlite3.SQLITE_IOERR:
            return "Its disk may be full or failing: see to that, and try again."
    return "Move it away to begin a new one; activations and SAEs are kept beside it."


def _is_on_network(path: Path) -> bool:
    """Whether several hosts may share the file system that a file is, or would be, on."""
    folder = path.resolve().parent
    mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    for place in (folder, *folder.parents):
        if place in mounts:
            return _NETWORK.match(mounts[place]) is not None
    return False
