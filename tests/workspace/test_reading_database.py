"""Reading a database that can't be written: what is copied from it, and what is refused."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from engine.errors import UserError
from engine.features.notes import Note
from engine.workspace.database import open_database, read_database
from engine.workspace.notes import NoteStore


def test_a_copy_has_what_is_written_and_keeps_what_is_written_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "a?b #1.sqlite"
    database = open_database(path)
    NoteStore(database).set("sae", 3, Note(label="cats"))
    copy = read_database(path)  # while the other has it open, with a log
    assert NoteStore(copy).labels("sae") == {3: "cats"}
    NoteStore(copy).set("sae", 4, Note(label="dogs"))
    assert NoteStore(database).labels("sae") == {3: "cats"}
    database.close()


def test_what_only_the_log_has_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live, left = tmp_path / "live.sqlite", tmp_path / "left.sqlite"
    database = open_database(live)
    NoteStore(database).set("sae", 3, Note(label="cats"))
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{live}{suffix}", f"{left}{suffix}")
    database.close()
    connect = sqlite3.connect

    def refuse(name: object, *args: object, **options: object) -> sqlite3.Connection:
        if options.get("uri"):
            raise sqlite3.OperationalError("unable to open database file")
        return connect(name, *args, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", refuse)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("left*")}
    assert NoteStore(read_database(left)).labels("sae") == {3: "cats"}
    assert {path.name: path.read_bytes() for path in tmp_path.glob("left*")} == before


def test_tables_of_an_older_version_are_brought_up_to_date_in_the_copy(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    database = open_database(path)
    database.executescript(
        "DROP TABLE notes; CREATE TABLE labels (sae TEXT, feature INTEGER, text TEXT);"
        "INSERT INTO labels VALUES ('sae', 7, 'old'); PRAGMA user_version = 1;"
    )
    database.close()
    before = path.read_bytes()
    assert NoteStore(read_database(path)).labels("sae") == {7: "old"}
    assert path.read_bytes() == before


def test_a_newer_one_and_what_is_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    database = open_database(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(UserError, match="written by a newer"):
        read_database(path)
    path.write_bytes(b"no database" * 100)
    with pytest.raises(UserError, match="can't be read: file is not a database"):
        read_database(path)
    with pytest.raises(UserError, match="can't be read"):
        read_database(tmp_path / "missing.sqlite")
