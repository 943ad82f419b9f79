"""A folder on this machine that stands for the Hugging Face hub."""

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class HubFolder:
    """Gives out what lies in a folder as the hub's cache has it, and remembers what was asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: list[str] = []
        self.revisions: list[str | None] = []
        self.reachable = True

    def repository(self, name: str) -> Path:
        """Where the files of a repository lie."""
        return self.root / f"models--{name.replace('/', '--')}" / "snapshots" / COMMIT

    def put(self, name: str, *files: str) -> Path:
        """Put empty files into a repository; gives where they lie."""
        folder = self.repository(name)
        for file in files:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return folder

    def _download(
        self,
        repo_id: str,
        filename: str,
        *,
        revision: str | None,
        local_files_only: bool,
        tqdm_class: Any,
    ) -> str:
        if not self.reachable:
            self.asked += [] if local_files_only else [filename]
            raise LocalEntryNotFoundError("no connection")
        self.asked.append(filename)
        self.revisions.append(revision)
        path = self.repository(repo_id) / filename
        if not path.exists():
            raise EntryNotFoundError(filename)
        with tqdm_class(total=path.stat().st_size) as bar:
            bar.update(path.stat().st_size)
        return str(path)

    def _list(self, repo_id: str, *, revision: str | None) -> list[str]:
        folder = self.repository(repo_id)
        return [str(p.relative_to(folder)) for p in sorted(folder.rglob("*")) if p.is_file()]

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the hub's place."""
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", self._download)
        listing = type("HfApi", (), {"list_repo_files": staticmethod(self._list)})
        monkeypatch.setattr(huggingface_hub, "HfApi", listing)
