"""The strongest examples of each feature, from distinct documents, with what surrounds them."""

import numpy as np

from engine.errors import UserError
from engine.features.scan.collect.collector import Arrays, Collector
from engine.features.scan.collect.rows import SparseRows
from engine.numba_launch import jit, run_in_threads


class ExampleCollector(Collector):
    """Keeps the k documents on which each feature peaks highest, and its activations around the
    peaks: 12 + 4 · (2 · radius + 1) bytes an example, in no order.

    Of equal peaks those of earlier documents are kept, and within a document the earliest place. A
    document's peak so far goes in at once and moves as it rises: what it displaces, the document's
    last peak would displace as well. A row is looked at when the `radius` rows after it are there.
    """

    def __init__(self, features: int, k: int, radius: int) -> None:
        self._documents = np.full((features, k), -1, np.int32)
        self._positions = np.full((features, k), -1, np.int32)
        self._values = np.zeros((features, k), np.float32)
        self._windows = np.zeros((features, k, 2 * radius + 1), np.float32)
        self._newest = np.full(features, -1, np.int32)
        """[features]: the place of the example that went in last, -1 for none."""
        self._weakest = np.full(features, -1, np.int32)
        """[features]: the place of the example that would go first; -1 while there is room."""
        self._radius = radius
        self._recent = SparseRows.empty()
        """The last rows: those that aren't looked at yet, and `radius` before them."""
        self._waiting = 0
        """How many rows aren't looked at yet."""

    def add(self, rows: SparseRows) -> None:
        self._waiting += len(rows)
        self._recent = SparseRows.concatenate([self._recent, rows])
        self._look(self._waiting - self._radius)

    def finish(self) -> None:
        """Look at the last rows, too: none comes after them."""
        self._look(self._waiting)

    def state(self) -> Arrays:
        return {
            "examples/document": self._documents,
            "examples/position": self._positions,
            "examples/value": self._values,
            "examples/window": self._windows,
            "state/newest_example": self._newest,
            "state/weakest_example": self._weakest,
            **self._recent.to_arrays("state/recent"),
            "state/waiting": np.array([self._waiting]),
        }

    def restore(self, arrays: Arrays) -> None:
        self._recent = SparseRows.from_arrays("state/recent", arrays)
        super().restore(arrays)
        self._waiting = int(arrays["state/waiting"][0])
        if not 0 <= self._waiting <= len(self._recent):
            raise UserError(f"state/waiting is {self._waiting}, of {len(self._recent)} rows.")
        k = self._values.shape[1]
        places = np.stack([self._newest, self._weakest])
        is_full = self._newest == k - 1
        if not ((places >= -1) & (places < k)).all() or (is_full & (self._weakest < 0)).any():
            raise UserError("state/newest_example and state/weakest_example point nowhere.")

    def _look(self, count: int) -> None:
        recent = self._recent
        if count <= 0:
            return
        first = len(recent) - self._waiting
        run_in_threads(
            _add,
            len(self._newest),
            recent.documents,
            recent.positions,
            recent.offsets,
            recent.features,
            recent.values,
            first,
            first + count,
            self._radius,
            self._documents,
            self._positions,
            self._values,
            self._windows,
            self._newest,
            self._weakest,
        )
        self._waiting -= count
        self._recent = recent.from_row(max(0, first + count - self._radius))


@jit
def _add(
    documents,
    positions,
    offsets,
    features,
    values,
    first,
    last,
    radius,
    kept_documents,
    kept_positions,
    kept_values,
    windows,
    newest,
    weakest,
    lo,
    hi,
):
    k = kept_values.shape[1]
    for row in range(first, last):
        document = documents[row]
        for entry in range(offsets[row], offsets[row + 1]):
            f = features[entry]
            if not lo <= f < hi:
                continue
            value = values[entry]
            place = newest[f]
            known = place >= 0 and kept_documents[f, place] == document
            if known:
                if value <= kept_values[f, place]:
                    continue
            elif weakest[f] >= 0:
                place = weakest[f]
                if value <= kept_values[f, place]:
                    continue
            else:
                place += 1
            kept_documents[f, place] = document
            kept_positions[f, place] = positions[row]
            kept_values[f, place] = value
            newest[f] = place
            if weakest[f] == place or (weakest[f] < 0 and place == k - 1):
                weakest[f] = _weakest(kept_values[f], kept_documents[f])
            _surroundings(documents, offsets, features, values, row, f, radius, windows[f, place])


@jit
def _weakest(values, documents):
    place = 0
    for other in range(1, len(values)):
        if values[other] < values[place] or (
            values[other] == values[place] and documents[other] > documents[place]
        ):
            place = other
    return place


@jit
def _surroundings(documents, offsets, features, values, row, f, radius, window):
    """A feature's activations from `radius` rows before a row to as many after, in its document."""
    few = 64  # are looked through without a branch, which is faster than halving them
    for step in range(2 * radius + 1):
        at = row + step - radius
        window[step] = 0.0
        if 0 <= at < len(documents) and documents[at] == documents[row]:
            low, high = offsets[at], offsets[at + 1]
            while high - low > few:
                middle = (low + high) // 2
                if features[middle] <= f:
                    low = middle
                else:
                    high = middle
            window[step] = _value_of(features[low:high], values[low:high], f)


@jit
def _value_of(features, values, f):
    value = np.float32(0)
    for entry in range(len(features)):
        value += values[entry] if features[entry] == f else np.float32(0)
    return value
