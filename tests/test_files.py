import hashlib
import os
from pathlib import Path

import pytest

from engine import files
from engine.errors import UserError
from engine.files import remove_leftovers, sha256, whole_file, whole_folder, write_whole
from tests.killing import killed_everywhere


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with pytest.raises(RuntimeError), whole_file(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert list(path.parent.iterdir()) == []
    write_whole(path, b"one")
    with pytest.raises(RuntimeError), whole_file(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"one"
    assert sha256(path) == hashlib.sha256(b"one").hexdigest()


def test_a_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with pytest.raises(RuntimeError), whole_folder(path) as temporary:
        (temporary / "a").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with whole_folder(path) as temporary:
        (temporary / "a").write_text("one")
    assert (path / "a").read_text() == "one"


def test_a_folder_is_replaced_only_on_request_and_only_by_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with whole_folder(path) as temporary:
        (temporary / "a").write_text("one")
    with pytest.raises(UserError, match="already there"), whole_folder(path):
        pass
    with pytest.raises(RuntimeError), whole_folder(path, replace=True) as temporary:
        (temporary / "a").write_text("half")
        raise RuntimeError
    assert (path / "a").read_text() == "one"
    with whole_folder(path, replace=True) as temporary:
        (temporary / "b").write_text("two")
    assert [p.name for p in path.iterdir()] == ["b"]
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_folder_that_somebody_else_made_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with pytest.raises(UserError, match="already there"), whole_folder(path) as temporary:
        (temporary / "a").write_text("late")
        path.mkdir()
        (path / "a").write_text("first")
    assert (path / "a").read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_the_old_folder_comes_back_when_the_new_one_can_not_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder"
    with whole_folder(path) as temporary:
        (temporary / "a").write_text("old")
    monkeypatch.setattr(files, "exchange", lambda one, other: False)
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self == temporary:
            raise OSError("the disk is gone")
        return rename(self, target)

    with pytest.raises(OSError, match="disk"), whole_folder(path, replace=True) as temporary:
        monkeypatch.setattr(Path, "rename", failing)
    assert (path / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_place_where_nothing_can_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "folder", Path("/proc/folder"), tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match=r"can.t be written"), whole_folder(path):
            pass


def _write_folder(path: Path, text: str) -> None:
    with whole_folder(path, replace=True) as temporary:
        for name in ("a", "deep/b"):
            (temporary / name).parent.mkdir(exist_ok=True)
            (temporary / name).write_text(text)


def _read_folder(path: Path) -> set[str]:
    return {(path / name).read_text() for name in ("a", "deep/b")}


@pytest.mark.parametrize("exchanges", [True, False])
def test_one_of_two_folders_outlives_a_kill_at_any_moment_of_a_replacement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    if not exchanges:  # as over many networks
        monkeypatch.setattr(files, "exchange", lambda one, other: False)
    path = tmp_path / "name.with.dots"
    _write_folder(path, "old")
    found = []
    for _ in killed_everywhere(lambda: _write_folder(path, "new")):
        remove_leftovers(tmp_path)
        assert [p.name for p in tmp_path.iterdir()] == [path.name]
        found.append(_read_folder(path))
        _write_folder(path, "old")
    assert {"old"} in found
    assert {"new"} in found
    assert all(len(texts) == 1 for texts in found)


def test_a_file_outlives_a_kill_at_any_moment_of_its_replacement(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    for _ in killed_everywhere(lambda: write_whole(path, b"new")):
        assert path.read_bytes() in (b"old", b"new")
        write_whole(path, b"old")  # removes what the killed one left, too
        assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_a_living_writer_holds_is_left_alone(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "folder") as temporary, whole_file(tmp_path / "file") as other:
        remove_leftovers(tmp_path)
        assert temporary.exists()
        assert other.exists()


def test_who_may_read_a_file_is_the_users_own_choice(tmp_path: Path) -> None:
    usual = os.umask(0o077)
    try:
        write_whole(tmp_path / "file", b"mine")
        _write_folder(tmp_path / "folder", "mine")
    finally:
        os.umask(usual)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "folder" / "a").stat().st_mode & 0o777 == 0o600
