import hashlib
from pathlib import Path

import pytest

from engine.errors import UserError
from engine.files import sha256, whole_file, whole_folder, write_whole


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
    for path in (tmp_path / "file" / "folder", Path("/proc/folder")):
        with pytest.raises(UserError, match=r"can.t be written"), whole_folder(path):
            pass
