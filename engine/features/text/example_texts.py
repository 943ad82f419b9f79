"""The text around every example of a catalogue, each token once (no torch here)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.activations.store.tokens import TokenTable
from engine.features.catalogue.catalogue import Catalogue
from engine.features.text.token_texts import PatternMatches, TokenTexts

Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Windows:
    """What is shown around each token that is an example of any feature, ascending.

    Many features may have an example in common: there are never more windows than tokens.
    """

    peaks: Ints
    """[windows]: the row of the example in the set."""
    first: Ints
    last: Ints
    """[windows]: the window has the rows from first[i] to before last[i]."""

    @classmethod
    def of(cls, catalogue: Catalogue, table: TokenTable) -> tuple[Self, Ints]:
        """The windows of all examples, as `TokenTable.window` cuts them, and which of them each
        feature has: [features, top_k], the number of windows where it has fewer.

        Raises UserError if `table` can't be of the set that was scanned.
        """
        documents, positions = catalogue.example_places()
        kept = documents >= 0
        if (documents >= table.manifest.documents).any():
            raise catalogue.wrong_set_error()
        bounds = table.document_bounds
        rows = bounds[documents] + positions
        if ((rows >= bounds[documents + 1]) | (positions < 0))[kept].any():
            raise catalogue.wrong_set_error()
        peaks = np.sort(rows[kept])
        peaks = peaks[np.diff(peaks, prepend=-1) > 0]  # np.unique takes seven times as long
        which = np.searchsorted(peaks, rows).astype(np.int32)
        which[~kept] = len(peaks)
        return cls(peaks, *_reach(table, peaks, catalogue.manifest.radius)), which

    def __len__(self) -> int:
        return len(self.peaks)

    def parts(self, tokens: int) -> Iterator[tuple[slice, Ints, Ints]]:
        """Cut where no window is cut into parts of about `tokens` tokens: which windows, and the
        stretches of rows, from first[i] to before last[i], that they cover together."""
        if not len(self):
            return
        begins = np.flatnonzero(np.concatenate([[True], self.first[1:] >= self.last[:-1]]))
        ends = np.append(begins[1:], len(self))
        first, last = self.first[begins], self.last[ends - 1]
        part = np.cumsum(last - first) // tokens
        for number in np.unique(part):
            here = np.flatnonzero(part == number)
            yield slice(int(begins[here[0]]), int(ends[here[-1]])), first[here], last[here]


def _reach(table: TokenTable, peaks: Ints, radius: int) -> tuple[Ints, Ints]:
    """The first row of the window around each of `peaks` [n], and the row behind its last: [n]."""
    document = np.searchsorted(table.document_bounds, peaks, side="right") - 1
    start, end = table.document_bounds[document], table.document_bounds[document + 1]
    if table.manifest.context is not None:  # the model saw a long document in pieces
        start = peaks - (peaks - start) % table.manifest.context
        end = np.minimum(end, start + table.manifest.context)
    return np.maximum(peaks - radius, start), np.minimum(peaks + radius + 1, end)


@dataclass(frozen=True)
class ExampleTexts:
    """The text that some consecutive windows cover."""

    windows: slice
    """Which windows."""
    texts: TokenTexts
    first: Ints
    last: Ints
    peaks: Ints
    """[windows here]: the tokens of each and the one at its peak, counted as `texts` counts."""

    @classmethod
    def read(
        cls, table: TokenTable, windows: Windows, here: slice, first: Ints, last: Ints
    ) -> Self:
        """`here`, `first` and `last` are a part as `Windows.parts` gives it."""
        texts = TokenTexts.from_rows(table, first, last)
        begin = np.searchsorted(texts.rows, windows.first[here])
        offset = begin - windows.first[here]
        return cls(here, texts, begin, windows.last[here] + offset, windows.peaks[here] + offset)

    def holding(self, matches: PatternMatches) -> tuple[Bools, Bools]:
        """Which windows hold a whole match, and which no more than a piece of one: each [windows
        here]."""
        n = len(self.texts.ids)
        first, last = np.append(matches.first, n), np.append(matches.last, n + 1)
        following = np.searchsorted(matches.first, self.first)
        whole = last[following] <= self.last
        reaching_in = np.concatenate([[0], matches.last])[following] > self.first
        return whole, ~whole & (reaching_in | (first[following] < self.last))

    def text(self, window: int) -> tuple[int, int]:
        """The first character of a window here, and that behind its last, in `texts.joined`."""
        begin, end = self.texts.characters[[self.first[window], self.last[window]]].tolist()
        return begin, end

    def words(self) -> Iterator[tuple[str, str]]:
        """The token at each window's peak, and the word that this lies in."""
        begins, ends = self.texts.characters[self.peaks], self.texts.characters[self.peaks + 1]
        starts, stops = _words(self.texts)
        run = np.searchsorted(stops, begins, side="right")
        inside = np.append(starts, len(self.texts.joined))[run] < ends
        starts = np.where(inside, np.append(starts, 0)[run], begins)
        stops = np.where(inside, np.append(stops, 0)[run], ends)
        joined = self.texts.joined
        for bounds in zip(*map(np.ndarray.tolist, (begins, ends, starts, stops)), strict=True):
            yield joined[bounds[0] : bounds[1]], joined[bounds[2] : bounds[3]]


def _words(texts: TokenTexts) -> tuple[Ints, Ints]:
    """Where each run of letters and digits begins, and where it has ended; none reaches over the
    end of a stretch."""
    codes = np.frombuffer(texts.joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = np.flatnonzero(np.bincount(codes))
    alphanumeric = np.zeros(codes.max(initial=0) + 1, dtype=np.bool_)
    alphanumeric[kinds] = [chr(kind).isalnum() for kind in kinds.tolist()]
    inside = alphanumeric[codes]
    begins, ends = inside.copy(), inside.copy()
    begins[1:] &= ~inside[:-1]
    ends[:-1] &= ~inside[1:]
    cuts = texts.characters[texts.bounds[1:-1]]
    cuts = cuts[(cuts > 0) & (cuts < len(codes))]
    begins[cuts] = inside[cuts]
    ends[cuts - 1] = inside[cuts - 1]
    return np.flatnonzero(begins), np.flatnonzero(ends) + 1
