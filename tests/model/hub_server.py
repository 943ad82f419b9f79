"""A hub on this machine, which gives out what lies in a folder, and lets the line drop."""

import hashlib
import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

LARGE = 50_000
"""Files of so many bytes are kept as the hub keeps large ones: under their SHA-256."""


class HubServer:
    """Repositories are folders OWNER/NAME of `root`, each of one commit."""

    def __init__(self, root: Path, commit: str) -> None:
        self.root = root
        self.commit = commit
        self.refuses: dict[str, tuple[int, str]] = {}
        """By repository the status and the error's code with which the hub answers."""
        self.gives: list[int] = []
        """How many bytes of a large file an answer gives before the line drops; then all."""
        self.damages = False
        """Whether what it gives of large files is something else."""
        self.asked: list[str] = []
        """The requests, as `GET /path bytes=…`."""

    @contextmanager
    def run(self, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator["HubServer"]:
        """Stand in for the hub, with an empty cache."""
        hub = self

        class Handler(_Handler):
            server_hub = hub

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        for name, value in {
            "ENDPOINT": address,
            "HUGGINGFACE_CO_URL_TEMPLATE": template,
            "HF_HUB_CACHE": str(cache),
            "HF_HUB_OFFLINE": False,
        }.items():
            monkeypatch.setattr(huggingface_hub.constants, name, value)
        monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", address)
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def info(self, repository: str) -> dict[str, Any]:
        folder = self.root / repository
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {
            "_id": "1",
            "id": repository,
            "sha": self.commit,
            "siblings": [
                {"rfilename": str(path.relative_to(folder)), **_about(path)} for path in files
            ],
        }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _about(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    about: dict[str, Any] = {"size": size, "blobId": hashlib.sha1(path.read_bytes()).hexdigest()}
    if size >= LARGE:
        about["lfs"] = {"sha256": sha256(path), "size": size, "pointerSize": 130}
    return about


class _Handler(http.server.BaseHTTPRequestHandler):
    server_hub: HubServer

    def do_GET(self) -> None:
        hub = self.server_hub
        path = urllib.parse.urlsplit(self.path).path
        ranged = self.headers.get("Range", "")
        hub.asked.append(f"{self.command} {path} {ranged}".strip())
        if path.startswith("/api/models/"):
            owner, name, *_ = path.removeprefix("/api/models/").split("/")
            self._answer_info(f"{owner}/{name}")
        else:
            owner, name, _, _, *inside = path.strip("/").split("/")
            self._answer_file(f"{owner}/{name}", "/".join(inside), ranged)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        return

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer_info(self, repository: str) -> None:
        hub = self.server_hub
        if repository in hub.refuses:
            self._refuse(*hub.refuses[repository])
            return
        if not (hub.root / repository).is_dir():
            self._refuse(401, "RepoNotFound")
            return
        body = json.dumps(hub.info(repository)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer_file(self, repository: str, inside: str, ranged: str) -> None:
        hub = self.server_hub
        if repository in hub.refuses:
            self._refuse(*hub.refuses[repository])
            return
        path = hub.root / repository / inside
        if not path.is_file():
            self._refuse(404, "EntryNotFound")
            return
        body, about = path.read_bytes(), _about(path)
        first = int(ranged.removeprefix("bytes=").rstrip("-") or 0)
        is_large = "lfs" in about
        self.send_response(206 if ranged else 200)
        self.send_header("X-Repo-Commit", hub.commit)
        self.send_header("ETag", f'"{about["lfs"]["sha256"] if is_large else about["blobId"]}"')
        self.send_header("Content-Length", str(len(body) - first))
        self.end_headers()
        if self.command == "HEAD":
            return
        if is_large and hub.damages:
            body = bytes(len(body))
        if is_large and hub.gives:
            self.wfile.write(body[first : first + hub.gives.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(body[first:])
