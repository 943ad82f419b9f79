"""The reports of clamps that a workspace keeps, each in a file `NUMBER.msgpack`.

MessagePack and not JSON, as figures may be infinite. The oldest make room for new ones.
"""

import logging
import re
import time
from pathlib import Path

import msgspec

from engine.errors import UNDECODABLE, UserError
from engine.figures import Figure, finite
from engine.files import write_whole
from engine.interventions.notation import describe_edit
from engine.interventions.spec import ClampReport, ClampRequest, View

MOST = 500
"""Reports that are kept."""
MOST_BYTES = 256 << 20
"""Bytes of all that are kept."""
LARGEST = 32 << 20
"""Bytes of a report that can be kept."""

_FILE = re.compile(r"(\d{1,18})\.msgpack")

log = logging.getLogger("engine")


class ClampRecord(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A report that is kept, with what was asked for."""

    id: int
    created: float
    """Seconds since 1970."""
    request: ClampRequest
    report: ClampReport


class ClampInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A report that is kept, as lists show it."""

    id: int
    created: float
    """Seconds since 1970."""
    sae: str
    edits: str
    """In a few words, such as `10432 = 5× max`."""
    view: View
    prompts: int
    generate: int
    nulls: int
    kl: Figure
    """Mean over prompts, in nats; None in a view that has none."""
    bytes: int


class ClampList(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The reports that a workspace keeps, newest first."""

    clamps: list[ClampInfo]
    damaged: list[int] = []
    """Numbers of those that can't be read."""


class _PromptHead(msgspec.Struct):
    """Of what a report says of one prompt, what lists show."""

    kl: float | None = None


class _ReportHead(msgspec.Struct):
    prompts: list[_PromptHead]


class _Head(msgspec.Struct):
    """Of a file, what lists show: the rest is passed over unread."""

    created: float
    request: ClampRequest
    report: _ReportHead


class ClampStore:
    """The folder of reports. One process writes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, request: ClampRequest, report: ClampReport) -> int:
        """Write a report down, and remove the oldest that there is no more room for: its number.

        Raises UserError for a report that is too large, and OSError where it can't be written.
        """
        files = self._files()
        id = max(files, default=0) + 1
        kept = ClampRecord(id=id, created=time.time(), request=request, report=report)
        data = msgspec.msgpack.encode(kept)
        if len(data) > LARGEST:
            raise UserError(
                f"The report has {len(data):,} bytes, and one of at most {LARGEST:,} can be kept.",
                "Ask for fewer prompts at a time.",
            )
        write_whole(self._path(id), data)
        self._make_room(files, len(data))
        return id

    def all(self) -> ClampList:
        """What is kept."""
        found, damaged = [], []
        for id, path in sorted(self._files().items(), reverse=True):
            try:
                found.append(_info(id, path.read_bytes()))
            except FileNotFoundError:
                continue  # removed meanwhile
            except (OSError, *UNDECODABLE) as error:
                log.warning("%s can't be read: %s", path, error)
                damaged.append(id)
        return ClampList(clamps=found, damaged=damaged)

    def get(self, id: int) -> ClampRecord:
        """One of them. UserError where there is none of that number, or it can't be read."""
        self._check(id)
        try:
            kept = msgspec.msgpack.decode(self._path(id).read_bytes(), type=ClampRecord)
        except (OSError, *UNDECODABLE) as error:
            raise UserError(
                f"Clamp {id} can't be read: {error}.",
                f"Remove it with: brainsurg clamps delete {id}",
            ) from error
        return msgspec.structs.replace(kept, id=id)

    def delete(self, id: int) -> None:
        """Remove one. UserError where there is none of that number."""
        self._check(id)
        self._path(id).unlink(missing_ok=True)

    def _make_room(self, files: dict[int, Path], added: int) -> None:
        sizes = {id: path.stat().st_size for id, path in files.items() if path.exists()}
        kept, taken = 1, added
        for id in sorted(sizes, reverse=True):
            kept, taken = kept + 1, taken + sizes[id]
            if kept > MOST or taken > MOST_BYTES:
                files[id].unlink(missing_ok=True)

    def _check(self, id: int) -> None:
        if id not in self._files():
            raise UserError(f"There is no clamp {id}.", "See which there are: brainsurg clamps")

    def _path(self, id: int) -> Path:
        return self._folder / f"{id:06}.msgpack"

    def _files(self) -> dict[int, Path]:
        """The files of reports by their numbers."""
        if not self._folder.is_dir():
            return {}
        named = ((_FILE.fullmatch(path.name), path) for path in self._folder.iterdir())
        return {int(found[1]): path for found, path in named if found}


def _info(id: int, data: bytes) -> ClampInfo:
    head = msgspec.msgpack.decode(data, type=_Head)
    request = head.request
    effects = [prompt.kl for prompt in head.report.prompts if prompt.kl is not None]
    return ClampInfo(
        id=id,
        created=head.created,
        sae=request.sae,
        edits=", ".join(describe_edit(edit) for edit in request.edits),
        view=request.view,
        prompts=len(head.report.prompts),
        generate=request.generate,
        nulls=request.nulls,
        kl=finite(sum(effects) / len(effects)) if effects else None,
        bytes=len(data),
    )
