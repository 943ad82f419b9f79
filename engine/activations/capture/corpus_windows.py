"""A corpus in windows of a model's tokens, from its beginning or from where a capture stopped."""

import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.activations.corpus import DocumentReader
from engine.activations.store.unfinished import CapturePlace
from engine.activations.windows import Window, cut_document
from engine.errors import UserError
from engine.model.load import LanguageModel


@dataclass(frozen=True)
class CorpusWindow(Window):
    """A window of a corpus, and the place behind it."""

    place_behind: CapturePlace


class CorpusWindows:
    """The windows of a corpus behind a place, up to so many tokens; see `windows.cut_document`."""

    def __init__(
        self,
        lm: LanguageModel,
        documents: Iterable[str],
        context: int,
        max_tokens: int | None,
        place: CapturePlace,
    ) -> None:
        """Read up to the place, without tokenising what is before it.

        Raises UserError where the texts up to there aren't those that were read before.
        """
        self._lm, self._context, self._left = lm, context, max_tokens
        self._digest = hashlib.blake2b(digest_size=16)
        self._documents = iter(documents)
        self._place = place
        self._reader = documents if isinstance(documents, DocumentReader) else None
        self.share: float | None = None
        """Of all that is to be read, how much has been cut into windows; None: not known."""
        for text in itertools.islice(self._documents, place.documents):
            self._add_to_digest(text)
        if self._reader is not None:
            self.share = self._reader.share
        self.begun: str | None = None
        """The text of the document that the place is in; None: it is before another."""
        if place.windows:
            self.begun = next(self._documents, "")
            self._add_to_digest(self.begun)
        if place.texts not in ("", self._digest.hexdigest()):
            raise UserError(
                "The capture can't go on: the text is not what it was when the capture began.",
                "Go on with the same files, or begin anew with --replace.",
            )

    def __iter__(self) -> Iterator[CorpusWindow]:
        left = self._left
        for window in self._windows():
            if left == 0:
                return
            token_ids = window.token_ids[:left]
            if left is not None:
                left -= len(token_ids)
            yield dataclasses.replace(window, token_ids=token_ids)

    def _windows(self) -> Iterator[CorpusWindow]:
        number = self._place.documents
        if self.begun is not None:
            yield from itertools.islice(self._cut(self.begun, number), self._place.windows, None)
            number += 1
        for document, text in enumerate(self._documents, number):
            self._add_to_digest(text)
            yield from self._cut(text, document)

    def _cut(self, text: str, document: int) -> Iterator[CorpusWindow]:
        texts, before = self._digest.hexdigest(), self.share or 0.0
        windows = cut_document(self._lm, text, self._context)
        for number, (window, of_text) in enumerate(windows, 1):
            if self._reader is not None:
                self.share = before + of_text * (self._reader.share - before)
            place = CapturePlace(documents=document, windows=number, texts=texts)
            yield CorpusWindow(window, text if number == 1 else None, place)

    def _add_to_digest(self, text: str) -> None:
        written = text.encode(errors="surrogatepass")
        self._digest.update(len(written).to_bytes(8, "little"))
        self._digest.update(written)
