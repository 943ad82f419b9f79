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
