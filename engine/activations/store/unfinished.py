"""A capture that isn't done: what it has stored so far, on disk, to go on from. Torch-free.

    capture.json     a `CaptureRecord`: what is captured, and where it stands
    0/, 1/, …        the set of each site so far, see `engine.activations.store.writer`

What the record says is on disk before the record is: a process may be killed, or the power go, at
any moment. What the sets hold beyond it is written again, with the same bytes.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from engine.activations.store.manifest import DOCUMENTS, MANIFEST, Shard
from engine.activations.store.row_summary import Count
from engine.errors import UNDECODABLE, UserError
from engine.files import put_in_place, remove_folder, sha256, write_whole

FIRST, MOST = 1.0, 60.0
"""Seconds until it is saved first, then twice that, up to the other."""
SHARE = 0.02
"""Of the time, what saving may take."""
_RECORD = "capture.json"
_ANEW = "Begin anew with --replace."


class SetState(msgspec.Struct, frozen=True, kw_only=True):
    """How much of an activation set is on disk."""

    shards: list[Shard] = []
    """Those that are full."""
    rows: Count = 0
    """Rows of the one that follows, which isn't full. Its file may hold more by now."""
    tokens: Count = 0
    documents: Count = 0
    """Those whose last row is among them."""
    documents_bytes: Count = 0
    """Size of documents.jsonl with these."""
    begun: Count | None = None
    """First row of the document that goes on behind them; None: none does."""


class CapturePlace(msgspec.Struct, frozen=True, kw_only=True):
    """Up to where what is captured has been read."""

    documents: Count = 0
    """Documents, or prompts, that are read to their end."""
    windows: Count = 0
    """Windows of the next one that are read."""
    texts: str = ""
    """A digest of the texts so far, the next one included where some of it is read."""


class CaptureRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is captured, and where it stands."""

    about: dict[str, Any] = {}
    """What was asked for, as whoever runs the capture writes it down."""
    identity: dict[str, Any] = {}
    """By a name in words, what must be the same for the rest to be the same."""
    place: CapturePlace = CapturePlace()
    sets: list[SetState] = []
    """Of each site."""
    manifests: list[str] = []
    """SHA-256 of each set's manifest, when all of them are whole and only have to be put into their
    places; empty before."""
    format_version: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1

    @property
    def tokens(self) -> int:
        """Tokens a site that are stored."""
        return self.sets[0].tokens if self.sets else 0


def read_record(folder: Path) -> CaptureRecord | None:
    """What is to be known of the capture in `folder`; None where nothing was saved there.

    Raises UserError for a record that is damaged, or of a later version.
    """
    path = folder / _RECORD
    try:
        return msgspec.json.decode(path.read_bytes(), type=CaptureRecord)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.", _ANEW) from error
    except UNDECODABLE as error:
        raise UserError(f"{path} can't be understood: {error}.", _ANEW) from error


def put_sets_in_place(folder: Path, targets: Sequence[Path], *, replace: bool = False) -> None:
    """Let the sets of the capture in `folder`, which are whole, become `targets`.

    It may be repeated until it ends well, and removes the capture's folder then.
    Raises UserError for a target that is there already, unless `replace`.
    """
    record = read_record(folder)
    assert record is not None
    sources = set_folders(folder, len(targets))
    for source, target, manifest in zip(sources, targets, record.manifests, strict=True):
        # What was replaced comes to lie here, too, while it is removed.
        is_ours = (source / MANIFEST).exists() and sha256(source / MANIFEST) == manifest
        if is_ours:
            put_in_place(source, target, replace=replace)
    remove_folder(folder)


def set_folders(folder: Path, sites: int) -> list[Path]:
    """Where the sets of so many sites lie in the folder of an unfinished capture."""
    return [folder / str(number) for number in range(sites)]


@dataclass(frozen=True)
class Resumption:
    """How a capture is kept on disk, so that it can go on after an interruption."""

    folder: Path
    """Where it is kept."""
    about: Mapping[str, Any]
    """What was asked for."""
    identity: Mapping[str, Any]
    """By a name in words, what must be the same for the texts to be the same."""
    resume: bool = False
    """Whether to go on with the capture that is there; else it is removed."""
    replace: bool = False
    """Whether to put the sets in the place of others of their names."""


class UnfinishedCapture:
    """The folder of a capture that isn't done."""

    def __init__(self, resumption: Resumption, sites: int, identity: Mapping[str, Any]) -> None:
        """Go on with a capture, or begin one. `identity`: what else must be the same.

        Raises UserError, naming it, for what isn't as it was when the capture began, and where what
        it had stored is gone.
        """
        self.folders = set_folders(resumption.folder, sites)
        self._resumption = resumption
        identity = {**resumption.identity, **identity}
        record = read_record(resumption.folder) if resumption.resume else None
        if record is None:
            remove_folder(resumption.folder)
            record = CaptureRecord(
                about=dict(resumption.about),
                identity=identity,
                sets=[SetState() for _ in range(sites)],
            )
        else:
            _check_same(record.identity, msgspec.to_builtins(identity))
            for folder, state in zip(self.folders, record.sets, strict=True):
                _check_stored(folder, state)
        self.record = record
        self._wait = FIRST
        self._last = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether it is time to save again."""
        return time.monotonic() - self._last >= self._wait

    def save(self, place: CapturePlace, sets: Callable[[], Sequence[SetState]]) -> None:
        """Write down that all before `place` is stored; `sets` makes it durable."""
        began = time.monotonic()
        self._write(msgspec.structs.replace(self.record, place=place, sets=list(sets())))
        self._last = time.monotonic()
        self._wait = max(min(2 * self._wait, MOST), (self._last - began) / SHARE)

    def finish(self, targets: Sequence[Path]) -> None:
        """Put the sets, which are whole, into their places."""
        manifests = [sha256(folder / MANIFEST) for folder in self.folders]
        self._write(msgspec.structs.replace(self.record, manifests=manifests))
        put_sets_in_place(self._resumption.folder, targets, replace=self._resumption.replace)

    def _write(self, record: CaptureRecord) -> None:
        write_whole(self._resumption.folder / _RECORD, msgspec.json.encode(record))
        self.record = record


def _check_same(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for name in {**then, **now}:
        if then.get(name) != now.get(name):
            raise UserError(
                f"The capture can't go on: {name} is not what it was when the capture began.",
                f"Go on with it as it was, or: {_ANEW[0].lower()}{_ANEW[1:]}",
            )


def _check_stored(folder: Path, state: SetState) -> None:
    """Raise UserError unless there is a file, of the right size, for all that is stored so far."""
    sizes = [(folder / shard.file, shard.bytes) for shard in state.shards]
    for path, size in [*sizes, (folder / DOCUMENTS, state.documents_bytes)]:
        try:
            there = path.stat().st_size
        except OSError:
            there = -1
        if there != size if path.name != DOCUMENTS else there < size:
            raise UserError(f"{path} is missing, or not what the capture had stored.", _ANEW)
