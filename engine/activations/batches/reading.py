"""Reading a corpus for a stream: what is trained on, what is held out, and where reading goes on.

A document's side depends on its text and the seed alone, so that no text is on both sides, however
often it comes.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from engine.activations.windows import Window, cut_documents, pools
from engine.errors import UserError
from engine.model.load import LanguageModel

Documents = Callable[[], Iterable[str]]
"""Gives the documents from the first one, every time in the same order."""


class StreamPosition(msgspec.Struct, frozen=True):
    """Where in an endless reading of the corpus a pass begins: a group of windows, and which of the
    passes that are put together from it."""

    epoch: int = 0
    """How often the corpus was read to its end before."""
    document: int = 0
    """Index of the document that the first window is from."""
    window: int = 0
    """Index of that window in its document."""
    rows: int = 0
    """Rows to train on that came before, in all epochs."""
    fingerprint: str = ""
    """The document's; empty: not known, as before anything was read."""
    passes: int = 0
    """Passes of the group that came before."""


@dataclass(frozen=True)
class PlacedWindow(Window):
    """A window, and where it is from."""

    document: int
    number: int
    """Which window of the document it is, from 0."""
    fingerprint: str
    """The document's."""


@dataclass(frozen=True)
class Group:
    """Windows whose passes are put together from one another."""

    epoch: int
    windows: Sequence[PlacedWindow]


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads a corpus in windows of a model's tokens. Memory: a group's token ids."""

    lm: LanguageModel
    documents: Documents
    seed: int
    context: int
    """Tokens of a window, at most."""
    held_out: float
    """The share of the documents that is held out, 0 to 1."""
    group_tokens: int

    def groups(self, place: StreamPosition) -> Iterator[Group]:
        """The groups to train on from a place at which one began, through epochs without end.

        Documents before it are passed over without tokenising them.
        Raises UserError for a corpus that isn't what it was, or has nothing to train on.
        """
        for epoch in itertools.count(place.epoch):
            is_empty = True
            for windows in pools(self._windows(place), self.group_tokens):
                yield Group(epoch, windows)
                is_empty = False
            if is_empty and not place.fingerprint:
                raise nothing_to_train_on()
            place = StreamPosition()

    def once(self) -> Iterator[Sequence[PlacedWindow]]:
        """The windows to train on of one epoch, put together in groups."""
        return pools(self._windows(StreamPosition()), self.group_tokens)

    def held_out_windows(self) -> Iterator[PlacedWindow]:
        """The windows of the held-out documents, once."""
        for index, text in enumerate(self.documents()):
            fingerprint = _fingerprint(text, self.seed)
            if self._is_held_out(fingerprint):
                yield from self._cut(index, text, fingerprint)

    def _windows(self, place: StreamPosition) -> Iterator[PlacedWindow]:
        """The windows to train on of one epoch, from a place on."""
        found = ""
        for index, text in itertools.islice(enumerate(self.documents()), place.document, None):
            fingerprint = _fingerprint(text, self.seed)
            begins_here = index == place.document
            if begins_here:
                found = fingerprint
            if place.fingerprint not in ("", found):
                break
            if not self._is_held_out(fingerprint):
                windows = self._cut(index, text, fingerprint)
                yield from itertools.islice(windows, place.window if begins_here else 0, None)
        if place.fingerprint not in ("", found):
            raise UserError(
                f"Document {place.document:,} isn't the one that was read when the stream was "
                "saved.",
                "Resume with the same documents in the same order.",
            )

    def _cut(self, index: int, text: str, fingerprint: str) -> Iterator[PlacedWindow]:
        for number, window in enumerate(cut_documents(self.lm, [text], self.context, None)):
            yield PlacedWindow(window.token_ids, window.begins, index, number, fingerprint)

    def _is_held_out(self, fingerprint: str) -> bool:
        return int(fingerprint, 16) < self.held_out * 2**64


def nothing_to_train_on() -> UserError:
    """The error that a whole corpus gave no row."""
    return UserError("The documents hold no text to train on.", "Give more of them.")


def _fingerprint(text: str, seed: int) -> str:
    """64 bits that a text and a seed determine, in hexadecimal."""
    key = str(seed).encode()
    return hashlib.blake2b(text.encode(), digest_size=8, key=key).hexdigest()
