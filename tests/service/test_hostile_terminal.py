"""Hostile text through a real terminal: nothing but the program's own sequences reaches it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.mutated_files.workspace_material import write_workspace
from engine.activations.corpus import Prompt
from engine.features.notes import Note
from engine.jobs.events import FAILED, Noted
from engine.jobs.kinds import Train
from engine.jobs.store import JobStore
from engine.service.runtime import socket_path
from engine.workspace.database import open_database
from engine.workspace.folders import Workspace
from engine.workspace.notes import NoteStore
from engine.workspace.prompts import PromptStore
from tests.service.runner import PROGRAM
from tests.service.terminal import Terminal, brainsurg, not_its_own

EVIL = (
    "boo\x9b5n\x9d0;x\x9c\x1b[2J\x1b[6n\x1b]0;owned\x07\x1b]52;c;aGk=\x1b\\\x1bP$q\x1b\\\x1bc"
    "\x05\x08\x0e\x7f\u202e\u2066[bold red][@click=app.quit]x[/]"
)
ENGINE = """
from engine.service import daemon, pool
pool.Pool.warm = lambda *_, **__: None
raise SystemExit(daemon.main())
"""
"""An engine without workers, for which nothing here asks."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, runtime_folder: Path) -> Iterator[Path]:
    """Everything in it that can be text is hostile."""
    root = tmp_path_factory.mktemp("hostile") / "ws"
    write_workspace(root)
    workspace = Workspace(root)
    for path in ("activations/acts/manifest.json", "saes/sae/brainsurg.json"):
        about = json.loads((root / path).read_text())
        (root / path).write_text(json.dumps(about | {"model": EVIL}))
    vocabulary = root / "activations" / "acts" / "vocabulary.json"
    if vocabulary.exists():
        vocabulary.write_text(json.dumps([f"{EVIL}{i}" for i in range(11)]))
    (root / "saes" / EVIL.replace("/", "")).mkdir()
    database = open_database(workspace.database)
    PromptStore(database).fill([Prompt(prompt=EVIL, category=EVIL)])
    for feature in range(20):
        NoteStore(database).set(
            "sae", feature, Note(label=EVIL, text=EVIL, tags=(EVIL.replace(" ", "_"),))
        )
    jobs = JobStore(database)
    job, _ = jobs.add(Train(name="new", activations="acts"))
    jobs.record(job.id, Noted(text=EVIL))
    jobs.set_state(job.id, FAILED, error=EVIL)
    database.close()
    with workspace_log(root).open("wb") as log:
        engine = subprocess.Popen([sys.executable, "-c", ENGINE, str(root)], stderr=log)
    while not socket_path(workspace).exists():
        assert engine.poll() is None
    yield root
    engine.terminate()
    engine.wait()


def workspace_log(root: Path) -> Path:
    return Workspace(root).logs / "engine.log"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("contents",), 0),
        (("features", "sae", "--top", "2"), 0),
        (("jobs",), 0),
        (("jobs", "follow", "1"), 1),
        (("scan", EVIL), 1),
        (("--" + EVIL,), 2),
    ],
)
def test_what_the_commands_print(workspace: Path, words: tuple[str, ...], status: int) -> None:
    terminal = brainsurg(PROGRAM, workspace, *words)
    assert terminal.read_all() == status, terminal.sent
    assert b"boo" in terminal.sent
    assert not_its_own(terminal.sent) == set()


def test_what_the_app_paints(workspace: Path) -> None:
    terminal = brainsurg(PROGRAM, workspace)
    for keys, shown in (("", "boo"), ("2", "boo"), ("3", "boo"), ("6", "boo"), ("w", "acts")):
        terminal.type(keys)
        terminal.read_until(shown)
    terminal.type("\x1b")
    terminal.read_until("command")
    terminal.type("q")
    terminal.read_all()
    assert not_its_own(terminal.sent) == set()


def test_what_the_engine_logs(workspace: Path) -> None:
    assert brainsurg(PROGRAM, workspace, "contents").read_all() == 0
    logged = workspace_log(workspace).read_bytes()
    assert b"boo" in logged
    assert not_its_own(logged) == set()


def test_it_would_be_seen() -> None:
    terminal = Terminal([sys.executable, "-c", f"print({EVIL!r})"])
    assert terminal.read_all() == 0
    assert {each[0] for each in not_its_own(terminal.sent)} >= {"\x1b", "\x9b", "\x05", "\u202e"}
