from pathlib import Path

import pytest

from engine.errors import UserError
from engine.service.runtime import socket_path
from engine.workspace.folders import Workspace


@pytest.mark.parametrize("folder", ["file", "missing/folder", "file/folder", "x" * 100])
def test_a_runtime_folder_that_can_not_be_used_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BRAINSURG_RUNTIME_DIR", str(tmp_path / folder))
    with pytest.raises(UserError, match="Set BRAINSURG_RUNTIME_DIR"):
        socket_path(Workspace(tmp_path))


def test_two_workspaces_have_two_sockets(tmp_path: Path) -> None:
    assert socket_path(Workspace(tmp_path / "a")) != socket_path(Workspace(tmp_path / "b"))
