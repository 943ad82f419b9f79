"""Notes are kept for each SAE, and the labels of older workspaces with them."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UserError
from engine.features.notes import MergeOutcome, Note
from engine.jobs.store import JobStore
from engine.workspace.database import SCHEMA_VERSION, open_database
from engine.workspace.notes import NoteStore
from engine.workspace.prompts import PromptStore

VERSION_1 = """
CREATE TABLE prompts (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt   TEXT NOT NULL,
    category TEXT NOT NULL
);
CREATE TABLE labels (
    sae     TEXT NOT NULL,
    feature INTEGER NOT NULL,
    text    TEXT NOT NULL,
    PRIMARY KEY (sae, feature)
) WITHOUT ROWID;
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
PRAGMA journal_mode = WAL;
PRAGMA user_version = 1;
INSERT INTO prompts VALUES (7, 'What is the capital of France?', 'question');
INSERT INTO labels VALUES ('a', 3, 'cities'), ('a', 1, 'it''s; a [label]'), ('b', 3, 'verbs');
INSERT INTO jobs VALUES (2, '{"kind": "scan", "sae": "a"}', 'done', 1.0, 2.0, 3.0, 5, '', NULL);
"""
"""A workspace's database as the first version of the tables had it."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "brainsurg.sqlite"


def tables(path: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    return [(name, " ".join((sql or "").split())) for name, sql in rows]


def test_the_labels_of_a_first_version_are_kept(path: Path, tmp_path: Path) -> None:
    with sqlite3.connect(path) as first:
        first.executescript(VERSION_1)
    database = open_database(path)
    notes = NoteStore(database)
    assert notes.of("a") == {1: Note(label="it's; a [label]"), 3: Note(label="cities")}
    assert notes.of("b") == {3: Note(label="verbs")}
    assert [saved.prompt for saved in PromptStore(database).all()] == [
        "What is the capital of France?"
    ]
    assert [job.state for job in JobStore(database).all()] == ["done"]
    assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)

    fresh = tmp_path / "fresh.sqlite"
    open_database(fresh).close()
    assert tables(path) == tables(fresh)
    assert NoteStore(open_database(path)).of("b") == {3: Note(label="verbs")}


def test_notes_are_kept_for_each_sae(path: Path) -> None:
    notes = NoteStore(open_database(path))
    whole = Note(label="cities", tags=("geo", "place"), starred=True, text="see 12\nand 13")
    notes.set("a", 1, Note(label="towns"))
    notes.set("a", 1, whole)
    notes.set("a", 0, Note(starred=True))
    notes.set("a", 2, Note(label="colours"))
    notes.set("a", 2, Note(label=" "))
    notes.set("b", 1, Note(text="numbers"))
    again = NoteStore(open_database(path))
    assert again.of("a") == {0: Note(starred=True), 1: whole}
    assert again.get("a", 1) == whole
    assert again.get("a", 2) == Note()
    assert again.labels("a") == {1: "cities"}
    again.forget("a")
    assert notes.of("a") == {}
    assert notes.of("b") == {1: Note(text="numbers")}


def test_every_change_is_read_at_once(path: Path) -> None:
    notes = NoteStore(open_database(path))
    notes.set("a", 1, Note(label="towns"))
    before = notes.of("a")
    notes.set("a", 2, Note(label="cities"))
    assert before == {1: Note(label="towns")}
    assert notes.of("a") == {1: Note(label="towns"), 2: Note(label="cities")}
    notes.merge("a", [(3, Note(starred=True))])
    assert list(notes.of("a")) == [1, 2, 3]
    assert notes.of("b") == {}
    notes.set("a", 1, Note())
    assert list(notes.of("a")) == [2, 3]
    notes.forget("a")
    assert notes.of("a") == {}


def test_tags_are_sorted_each_once_and_hold_no_space_or_comma(path: Path) -> None:
    notes = NoteStore(open_database(path))
    notes.set("a", 1, Note(tags=(" verb", "city", "verb", "")))
    assert notes.get("a", 1).tags == ("city", "verb")
    for tag in ("two words", "a,b", "tab\tbed"):
        with pytest.raises(UserError, match="can't be a tag"):
            notes.set("a", 1, Note(tags=(tag,)))
    assert notes.get("a", 1).tags == ("city", "verb")


def test_notes_from_elsewhere_join_what_is_there(path: Path) -> None:
    notes = NoteStore(open_database(path))
    notes.set("a", 1, Note(label="cities", tags=("geo",)))
    notes.set("a", 2, Note(label="verbs"))
    coming = [
        (1, Note(label="towns", tags=("place",))),
        (2, Note(label="verbs")),
        (3, Note(label="colours", starred=True)),
    ]
    kept = notes.merge("a", coming)
    assert kept == MergeOutcome(new=1, same=1, conflicting=[1], replaced=False)
    assert notes.of("a") == {
        1: Note(label="cities", tags=("geo", "place")),
        2: Note(label="verbs"),
        3: Note(label="colours", starred=True),
    }
    replaced = notes.merge("a", coming, replace=True)
    assert replaced == MergeOutcome(new=0, same=2, conflicting=[1], replaced=True)
    assert notes.get("a", 1) == Note(label="towns", tags=("geo", "place"))


def test_notes_of_which_one_cannot_be_leave_all_as_it_was(path: Path) -> None:
    notes = NoteStore(open_database(path))
    with pytest.raises(UserError, match="can't be a tag"):
        notes.merge("a", [(1, Note(label="cities")), (2, Note(tags=("a b",)))])
    assert notes.of("a") == {}
    notes.set("a", 1, Note(label="the next change is made"))
    assert NoteStore(open_database(path)).labels("a") == {1: "the next change is made"}


written = st.builds(
    Note,
    label=st.sampled_from(["", "x", "y"]),
    tags=st.sets(st.sampled_from("pqr")).map(lambda tags: tuple(sorted(tags))),
    starred=st.booleans(),
    text=st.sampled_from(["", "x", "y"]),
)
many = st.lists(st.tuples(st.integers(0, 3), written), max_size=8)


@settings(max_examples=50, deadline=None)
@given(many, many, st.booleans())
def test_merging_twice_is_merging_once(
    first: list[tuple[int, Note]], coming: list[tuple[int, Note]], replace: bool
) -> None:
    notes = NoteStore(open_database(Path(":memory:")))
    notes.merge("a", first)
    before = notes.of("a")
    told = notes.merge("a", coming, replace=replace)
    after = notes.of("a")
    assert told.new + told.same + len(told.conflicting) == len({feature for feature, _ in coming})
    changed = {feature for feature in after if after[feature] != before.get(feature)}
    assert told.new <= len(changed) <= told.new + len(told.conflicting)
    if not told.conflicting:
        notes.merge("a", coming, replace=not replace)
        assert notes.of("a") == after
    notes.merge("a", coming, replace=replace)
    assert notes.of("a") == after
