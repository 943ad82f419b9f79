import os
import sqlite3
from pathlib import Path

import pytest

from engine.errors import UserError
from engine.files import remove_folder
from engine.model.prompt import Prompt
from engine.workspace.database import open_database
from engine.workspace.folders import Workspace
from engine.workspace.prompts import PromptStore, SavedPrompt


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "ws")


def test_a_workspace_can_be_opened_again(tmp_path: Path) -> None:
    first = Workspace.open(tmp_path / "ws")
    first.activations("stories").mkdir()
    assert Workspace.open(tmp_path / "ws").names("activations") == ["stories"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(UserError, match="can't be written"):
        Workspace.open(tmp_path / "closed" / "ws")


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match=r"can.t be written.*--workspace"):
        Workspace.open(tmp_path / "file" / "ws")


def test_a_user_who_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(UserError, match=r"can.t be found.*--workspace"):
        Workspace.at(Path("~nobody-of-that-name/ws"))


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a" * 101, "new\nline", "\x1b[2J"])
def test_names_that_would_leave_the_workspace_are_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(UserError, match="can't be a name"):
        workspace.sae(name)


def test_what_is_not_there_is_said_with_what_is(workspace: Workspace) -> None:
    workspace.sae("one").mkdir()
    with pytest.raises(UserError, match=r"no SAE 'two'.*There are: one"):
        workspace.existing_sae("two")
    with pytest.raises(UserError, match="has not been scanned"):
        workspace.existing_catalogue("one")


def test_sweep_removes_only_what_killed_writers_left(workspace: Workspace) -> None:
    workspace.sae("whole").mkdir()
    kept = workspace.checkpoints("whole") / "step-0000000001"
    kept.mkdir(parents=True)
    left = [
        workspace.root / "saes" / ".half.abc",
        workspace.checkpoints("whole") / ".step-0000000002.abc",
    ]
    for half in left:
        half.mkdir()
        (half / "weights").write_bytes(b"half")
    workspace.clean_up()
    assert workspace.names("saes") == ["whole"]
    assert kept.exists()
    assert not any(half.exists() for half in left)


@pytest.mark.parametrize("aside", [".kept.0123abcd.old", ".kept.k_3x9abc.old"])
def test_sweep_puts_back_what_a_killed_writer_had_moved_aside(
    workspace: Workspace, aside: str
) -> None:
    """The second name is as earlier versions gave it."""
    (workspace.root / "saes" / aside).mkdir()
    (workspace.root / "saes" / ".kept.fedc9876.new").mkdir()
    workspace.clean_up()
    assert [path.name for path in (workspace.root / "saes").iterdir()] == ["kept"]


def test_removing_what_is_not_there_is_no_error(workspace: Workspace) -> None:
    remove_folder(workspace.sae("never"))
    assert workspace.names("saes") == []


def test_a_file_that_is_no_database_is_a_clear_error(workspace: Workspace) -> None:
    workspace.database.write_bytes(b"this is not SQLite, by any means" * 200)
    with pytest.raises(UserError, match="can't be used"):
        open_database(workspace.database)


def test_a_database_of_a_newer_version_is_refused(workspace: Workspace) -> None:
    open_database(workspace.database).close()
    with sqlite3.connect(workspace.database) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(UserError, match="newer"):
        open_database(workspace.database)


def test_prompts_are_kept_changed_deleted_and_restored(workspace: Workspace) -> None:
    prompts = PromptStore(open_database(workspace.database))
    prompts.fill([Prompt("Once upon a time", "story"), Prompt("def f", "code")])
    before = prompts.all()
    third = prompts.save(None, "Why?", "question")
    prompts.save(before[0].id, "Twice upon a time", "story")
    prompts.delete(before[1].id)
    again = PromptStore(open_database(workspace.database))
    assert again.all() == [
        SavedPrompt(id=before[0].id, prompt="Twice upon a time", category="story"),
        third,
    ]
    again.restore(before)
    assert prompts.all() == before


def test_bad_prompts_are_refused(workspace: Workspace) -> None:
    prompts = PromptStore(open_database(workspace.database))
    with pytest.raises(UserError, match="needs some text"):
        prompts.save(None, " \n", "")
    with pytest.raises(UserError, match="no prompt 7"):
        prompts.save(7, "text", "")
    with pytest.raises(UserError, match="no prompt 7"):
        prompts.delete(7)


def test_hostile_text_is_kept_as_it_is(workspace: Workspace) -> None:
    hostile = "'; DROP TABLE prompts; -- \x1b[31m[bold]\x00"
    prompts = PromptStore(open_database(workspace.database))
    saved = prompts.save(None, hostile, hostile)
    assert prompts.all() == [saved]
    assert saved.prompt == hostile
