"""The text around every example of a catalogue, each token once (no torch here)."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.activations.tokens import TokenTable
from engine.errors import UserError
from engine.features.arrays import load_array
from engine.features.catalogue import Catalogue
from engine.features.texts import Matches, Texts

Ints = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Windows:
    """What is shown of every example: windows of rows of the set, ascending. All [windows]."""

    features: Ints
    """Whose example it is."""
    first: Ints
    last: Ints
    """The rows from first[i] to before last[i]."""
    peaks: Ints
    """The row of the example itself."""

    @classmethod
    def of(cls, catalogue: Catalogue, table: TokenTable) -> Self:
        """Those of all examples, as `TokenTable.window` cuts them.

        Raises UserError if `table` can't be of the set that was scanned.
        """
        examples = catalogue.folder / "examples"
        kept = load_array(examples / "document.npy")
        features, places = np.nonzero(kept >= 0)
        documents = kept[features, places]
        positions = load_array(examples / "position.npy")[features, places].astype(np.int64)
        if len(documents) and documents.max() >= table.manifest.documents:
            raise _other_set(catalogue)
        start = table.document_bounds[documents]
        length = table.document_bounds[documents + 1] - start
        if (positions >= length).any():
            raise _other_set(catalogue)
        context = table.manifest.context
        seen_from = np.zeros_like(positions) if context is None else positions // context * context
        seen_to = length if context is None else np.minimum(length, seen_from + context)
        radius = catalogue.manifest.radius
        first = start + np.maximum(positions - radius, seen_from)
        last = start + np.minimum(positions + radius + 1, seen_to)
        order = np.argsort(first, kind="stable")
        return cls(features[order], first[order], last[order], (start + positions)[order])

    def __len__(self) -> int:
        return len(self.features)

    def parts(self, tokens: int) -> Iterator[tuple[Self, Ints, Ints]]:
        """Cut where no window is cut into parts of about `tokens` tokens: the windows, and the
        stretches of rows, from first[i] to before last[i], that they cover together."""
        if not len(self):
            return
        reach = np.maximum.accumulate(self.last)
        begins = np.flatnonzero(np.concatenate([[True], self.first[1:] >= reach[:-1]]))
        ends = np.append(begins[1:], len(self))
        first, last = self.first[begins], reach[ends - 1]
        part = np.cumsum(last - first) // tokens
        for number in np.unique(part):
            here = np.flatnonzero(part == number)
            windows = slice(begins[here[0]], ends[here[-1]])
            arrays = [getattr(self, field.name)[windows] for field in fields(self)]
            yield type(self)(*arrays), first[here], last[here]


@dataclass(frozen=True)
class ExampleTexts:
    """Windows and the text that they cover."""

    windows: Windows
    texts: Texts
    first: Ints
    last: Ints
    """[windows]: the tokens of each, counted as `texts` counts them."""

    @classmethod
    def read(cls, table: TokenTable, windows: Windows, first: Ints, last: Ints) -> Self:
        """`first` and `last` are the stretches that `Windows.parts` gives with its windows."""
        texts = Texts.of_rows(table, first, last)
        begin = np.searchsorted(texts.rows, windows.first)
        return cls(windows, texts, begin, begin + windows.last - windows.first)

    def holding(self, matches: Matches) -> tuple[Mask, Mask]:
        """Which windows hold a whole match, and which no more than a piece of one: [windows]."""
        n = len(self.texts.ids)
        first, last = np.append(matches.first, n), np.append(matches.last, n + 1)
        following = np.searchsorted(matches.first, self.first)
        whole = last[following] <= self.last
        reaching_in = np.concatenate([[0], matches.last])[following] > self.first
        return whole, ~whole & (reaching_in | (first[following] < self.last))

    def text(self, window: int) -> tuple[int, int]:
        """The first character of a window, and that behind its last, in `texts.joined`."""
        begin, end = self.texts.characters[[self.first[window], self.last[window]]].tolist()
        return begin, end

    def words(self) -> Iterator[tuple[str, str]]:
        """The token at each window's peak, and the word that this lies in."""
        tokens = self.first + self.windows.peaks - self.windows.first
        begins, ends = self.texts.characters[tokens], self.texts.characters[tokens + 1]
        starts, stops = _words(self.texts)
        run = np.searchsorted(stops, begins, side="right")
        inside = np.append(starts, len(self.texts.joined))[run] < ends
        starts = np.where(inside, np.append(starts, 0)[run], begins)
        stops = np.where(inside, np.append(stops, 0)[run], ends)
        joined = self.texts.joined
        for bounds in zip(*map(np.ndarray.tolist, (begins, ends, starts, stops)), strict=True):
            yield joined[bounds[0] : bounds[1]], joined[bounds[2] : bounds[3]]


def _words(texts: Texts) -> tuple[Ints, Ints]:
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


def _other_set(catalogue: Catalogue) -> UserError:
    return UserError(
        f"The activation set {catalogue.manifest.activations!r} is not the one that was scanned.",
        "Scan the SAE again.",
    )
