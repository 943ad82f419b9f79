"""Where SQLite's own ways don't fit: network file systems, long paths, what its errors say."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from engine.errors import UserError
from engine.workspace.database import database_error, open_database, read_database
from engine.workspace.folders import Workspace
from tests.jobs.failing_database import FAILURES, damage, locked


def journal(path: Path) -> str:
    database = open_database(path)
    (mode,) = database.execute("PRAGMA journal_mode").fetchone()
    database.close()
    return str(mode)


@pytest.mark.parametrize(
    ("file_system", "mode"),
    [
        ("nfs", "delete"),
        ("nfs4", "delete"),
        ("lustre", "delete"),
        ("cifs", "delete"),
        ("smb3", "delete"),
        ("fuse.sshfs", "delete"),
        ("beegfs", "delete"),
        ("9p", "delete"),
        ("ext4", "wal"),
        ("tmpfs", "wal"),
        ("xfs", "wal"),
        ("overlay", "wal"),
    ],
)
def test_no_write_ahead_log_on_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_system: str, mode: str
) -> None:
    folder = tmp_path / "home" / "ws"
    folder.mkdir(parents=True)
    path = folder / "test.sqlite"
    assert journal(path) == "wal"
    mounts = [("/", "ext4"), (str(tmp_path / "home"), file_system), (str(tmp_path / "ho"), "nfs")]
    monkeypatch.setattr(
        psutil,
        "disk_partitions",
        lambda all: [SimpleNamespace(mountpoint=place, fstype=kind) for place, kind in mounts],
    )
    assert journal(path) == mode
    assert journal(folder / "new.sqlite") == mode


def test_a_path_that_is_too_long_for_sqlite_is_told_before_anything_is_made(tmp_path: Path) -> None:
    tail = "/brainsurg.sqlite"

    def of_length(length: int) -> Path:
        path = tmp_path
        while (room := length - len(os.fsencode(path)) - len(tail) - 1) > 0:
            path = path / ("x" * (100 if room > 201 else room if room <= 100 else room // 2))
        return path

    longest = Workspace.open(of_length(504))
    assert len(os.fsencode(longest.database)) == 504
    open_database(longest.database).close()
    with pytest.raises(UserError, match=r"has 505 bytes.*shorter path"):
        Workspace.open(of_length(505))
    assert not of_length(505).exists()


@pytest.mark.parametrize(
    ("failure", "what"),
    list(zip(FAILURES, ["full: make room", "Another program", "writable"], strict=True)),
)
def test_what_fails_is_told_with_what_to_do(
    tmp_path: Path,
    failure: Callable[[sqlite3.Connection, Path], AbstractContextManager[None]],
    what: str,
) -> None:
    path = tmp_path / "test.sqlite"
    database = open_database(path)
    with failure(database, path), pytest.raises(sqlite3.Error) as failed:
        database.execute("INSERT INTO prompts (prompt, category) VALUES (?, '')", ("x" * 9000,))
    assert what in str(database_error(failed.value))


def test_a_damaged_or_locked_database_does_not_open_without_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.workspace.database._PATIENCE", 0.1)
    path = tmp_path / "test.sqlite"
    with locked(sqlite3.connect(path), path), pytest.raises(UserError, match="Another program"):
        open_database(path)
    open_database(path).close()
    damage(path, "jobs")
    with pytest.raises(sqlite3.DatabaseError) as failed:
        open_database(path).execute("SELECT * FROM jobs").fetchall()
    assert "Move it away" in str(database_error(failed.value))


@pytest.mark.parametrize("words", ["NOT NULL", "REFERENCES jobs", "PRIMARY KEY"])
def test_a_description_of_tables_that_is_no_text_is_one_sentence(
    tmp_path: Path, words: str
) -> None:
    path = tmp_path / "db"
    with contextlib.closing(open_database(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    written = path.read_bytes()
    assert words.encode() in written
    path.write_bytes(written.replace(words.encode(), b"\xff" * len(words)))
    for read in (open_database, read_database):
        with pytest.raises(UserError, match=r"can't be (used|read): "):
            read(path)
