"""One large file of a repository, downloaded so that it goes on where it stopped."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import filelock
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

from engine.errors import UserError
from engine.model.load_errors import short_message

PATIENCE = (1, 2, 4, 8, 16)
"""Seconds to wait between tries on a line that gives nothing."""


_PARTIAL = 206
_BUSY = (408, 429)


class DroppedConnection(Exception):  # noqa: N818
    """The line gave nothing more, however often it was tried."""


def bytes_so_far(blobs: Path, sha256: str) -> int:
    """How much of a file is here already."""
    part = blobs / f"{sha256}.part"
    return part.stat().st_size if part.exists() else 0


def blob_is_whole(blob: Path, pointer: Path, size: int) -> bool:
    """Whether what a pointer of a snapshot means has the size that it should have."""
    there = blob if blob.exists() else pointer  # where links can't be made, the file itself
    return not size or there.stat().st_size == size


def fetch_blob(
    url: str, blobs: Path, *, sha256: str, size: int, tell: Callable[[int], None]
) -> int:
    """Download a file of `size` bytes into the folder `blobs`, under its digest; the bytes that
    came over the network.

    `tell` hears how much of it is here; what it raises ends the download, and leaves what came.
    Raises UserError for a file that isn't what it should be, or that another process fetches,
    DroppedConnection and what huggingface_hub raises for an answer of the hub that is no file.
    """
    blob, part = blobs / sha256, blobs / f"{sha256}.part"
    if blob.exists() and blob_is_whole(blob, blob, size):
        return 0
    blobs.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(f"{part}.lock", timeout=0):
            before = bytes_so_far(blobs, sha256)
            _go_on(url, part, size, tell)
            _check(part, sha256)
            part.replace(blob)
    except filelock.Timeout as error:
        raise UserError(
            "Another process is downloading this file.", "Wait for it, or end it first."
        ) from error
    Path(f"{part}.lock").unlink(missing_ok=True)
    return size - before


def _go_on(url: str, part: Path, size: int, tell: Callable[[int], None]) -> None:
    """Try until all is here, or the line gives nothing any more."""
    waits = list(PATIENCE)
    with part.open("ab") as file:
        while file.tell() != size:
            if file.tell() > size:
                _empty(file)
            before = file.tell()
            reason = _take(url, file, tell)
            if file.tell() > before:
                waits = list(PATIENCE)
            elif not waits:
                raise DroppedConnection(reason)
            else:
                _wait(waits.pop(0), lambda: tell(file.tell()))


def _take(url: str, file: BinaryIO, tell: Callable[[int], None]) -> str:
    """Append what one answer of the hub gives; why it ended."""
    headers = {
        **build_hf_headers(),
        "Range": f"bytes={file.tell()}-",
        "Accept-Encoding": "identity",  # a range of what is compressed is of no use
    }
    patience = constants.HF_HUB_DOWNLOAD_TIMEOUT
    try:
        with get_session().stream(
            "GET", url, headers=headers, timeout=patience, follow_redirects=True
        ) as response:
            hf_raise_for_status(response)
            if response.status_code != _PARTIAL:
                _empty(file)
            for chunk in response.iter_bytes():  # as they come: none is lost where the line drops
                file.write(chunk)
                tell(file.tell())
    except Exception as error:
        if not _may_pass(error):
            raise
        return short_message(error)
    return "The hub ended its answer before its time."


def _may_pass(error: Exception) -> bool:
    """Whether an error is of the line, or of a hub that is busy, and not of what was asked for."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _BUSY or error.response.status_code >= 500
    return type(error).__module__.startswith("httpx")


def _empty(file: BinaryIO) -> None:
    file.truncate(0)
    file.seek(0)


def _wait(seconds: float, tell: Callable[[], None]) -> None:
    """Wait, and hear of an interruption meanwhile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tell()
        time.sleep(min(0.2, seconds))


def _check(part: Path, sha256: str) -> None:
    """Raise UserError, and remove the file, if it isn't what it should be."""
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        part.unlink()
        raise UserError("A file came damaged.", "Fetch it again: it begins anew.")
