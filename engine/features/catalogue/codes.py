"""Every activation of a random sample of the scanned text, as a sparse matrix (no torch here).

What is seen of a single feature (quantiles, relatives, places where it is oddly silent, how well a
pattern describes it) is counted in this sample, in which each row is there with all its features.
It is made of stretches: whole documents or, of those that are longer than a few thousand tokens,
pieces of equal length.

    codes/documents.npy   [stretches] int32, ascending: whose they are in the set
    codes/firsts.npy      [stretches] int32: the position in its document at which each begins
    codes/bounds.npy      [stretches + 1] int64: the i-th of them has the rows bounds[i] to [i + 1]
    codes/offsets.npy     [rows + 1] int64: row r has the entries from offsets[r] to offsets[r + 1]
    codes/features.npy    [entries] int32, ascending within a row
    codes/values.npy      [entries] float32

and the same entries sorted by feature, those of one feature by row:

    codes/starts.npy      [features + 1] int64: feature f has the places starts[f] to starts[f + 1]
    codes/rows.npy        [entries] int32: the row of the entry that stands at a place
    codes/entries.npy     [entries] int32: which entry that is
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.features.catalogue.arrays import damaged, load_integers, load_reals

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Codes:
    """The arrays of the module's docstring. A row is a token; one that no figure counts has no
    entries."""

    documents: Ints
    firsts: Ints
    bounds: Ints
    offsets: Ints
    features: Ints
    values: Floats
    starts: Ints
    rows: Ints
    entries: Ints

    @classmethod
    def open(cls, folder: Path, features: int, documents: int) -> Self:
        """The codes in a folder, memory-mapped, of a scan of so many features and documents.

        Raises UserError where they aren't whole, or point to what isn't there.
        """
        paths = {field.name: folder / f"{field.name}.npy" for field in fields(cls)}
        arrays = {
            name: (load_reals if name == "values" else load_integers)(path, None)
            for name, path in paths.items()
            # which old scans left out, as they kept whole documents alone
            if name != "firsts" or path.exists()
        }
        codes = cls(**{"firsts": np.zeros_like(arrays["documents"])} | arrays)
        for name, is_whole in codes._checks(features, documents):
            if not is_whole:
                raise damaged(paths[name], "it does not fit the other arrays")
        return codes

    def _checks(self, features: int, documents: int) -> Iterator[tuple[str, bool]]:
        """Names of arrays, and whether each is as the module's docstring says."""
        stretches, entries = len(self.documents), len(self.features)
        yield "documents", _are_within(self.documents, documents) and _ascend(self.documents)
        yield "firsts", len(self.firsts) == stretches and _are_within(self.firsts, 1 << 31)
        yield "offsets", _are_bounds(self.offsets, len(self.offsets) - 1, entries)
        yield "bounds", _are_bounds(self.bounds, stretches, self.tokens)
        yield "starts", _are_bounds(self.starts, features, entries)
        yield "features", _are_within(self.features, features)
        yield "values", len(self.values) == entries
        yield "rows", len(self.rows) == entries and _are_within(self.rows, self.tokens)
        yield "entries", len(self.entries) == entries and _are_within(self.entries, entries)

    @property
    def tokens(self) -> int:
        """How many rows there are."""
        return len(self.offsets) - 1

    def entries_of(self, rows: Ints) -> tuple[Ints, Ints]:
        """The entries of some rows [n], one row's after the other's, and how many each has [n]."""
        starts = self.offsets[rows]
        lengths = self.offsets[rows + 1] - starts
        before = np.cumsum(lengths) - lengths
        return np.repeat(starts - before, lengths) + np.arange(lengths.sum()), lengths

    def active(self, feature: int) -> tuple[Ints, Floats]:
        """Where a feature is active: rows [n], ascending, and activations [n]."""
        here = slice(self.starts[feature], self.starts[feature + 1])
        return self.rows[here], self.values[self.entries[here]]

    def activations(self, feature: int, first: int, last: int) -> Floats:
        """A feature's activations in the rows from `first` to before `last`: [last - first]."""
        rows, values = self.active(feature)
        low, high = np.searchsorted(rows, [first, last])
        along = np.zeros(last - first, np.float32)
        along[rows[low:high] - first] = values[low:high]
        return along

    def stretches(self, rows: Ints) -> Ints:
        """The stretches that rows [n] belong to: [n]."""
        return np.asarray(np.searchsorted(self.bounds, rows, side="right") - 1)

    def places(self, rows: Ints) -> tuple[Ints, Ints]:
        """Rows [n] to their documents' numbers in the set [n] and positions in these [n]."""
        index = self.stretches(rows)
        return self.documents[index], self.firsts[index] + rows - self.bounds[index]

    def rows_of(self, document: int, first: int, last: int) -> range | None:
        """The rows of a document's tokens from `first` to before `last`, of which there is one;
        None if not all of them are in the sample."""
        begin, end = np.searchsorted(self.documents, [document, document + 1]).tolist()
        index = begin + int(np.searchsorted(self.firsts[begin:end], first, side="right")) - 1
        if index < begin:
            return None
        start = int(self.bounds[index] + first - self.firsts[index])
        stop = start + last - first
        if stop > self.tokens:
            return None
        ends_in, ends_at = self.places(np.array([stop - 1]))
        whole = ends_in[0] == document and ends_at[0] == last - 1
        return range(start, stop) if whole else None


def _are_within(numbers: Ints, count: int) -> bool:
    """Whether all are from 0 to before `count`."""
    return not len(numbers) or bool(numbers.min() >= 0 and numbers.max() < count)


def _ascend(numbers: Ints) -> bool:
    return bool((numbers[1:] >= numbers[:-1]).all())


def _are_bounds(bounds: Ints, parts: int, end: int) -> bool:
    """Whether they cut what is counted from 0 to before `end` into so many parts."""
    if len(bounds) != parts + 1 or not len(bounds):
        return False
    return bool(bounds[0] == 0 and bounds[-1] == end and _ascend(bounds))
