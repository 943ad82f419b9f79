"""All activations of a random sample of the text: what `engine.features.catalogue.codes` reads."""

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import UserError
from engine.features.scan.collect.collector import Arrays, Collector, stored_array
from engine.features.scan.collect.hashing import stretch_ranks
from engine.features.scan.collect.rows import SparseRows
from engine.sae.kernels.cpu.sorting import sort_by_feature
from engine.sae.kernels.support import Support

ROOM = 1 << 24
"""Entries and rows kept, together, at most."""
STRETCH = 1 << 12
"""Tokens of a document that are kept together, at most."""


def stretch_of(context: int | None) -> int:
    """Where documents are cut: after the most whole pieces, in which the model read them, that a
    stretch has room for."""
    if context is None or context > STRETCH:
        return STRETCH
    return STRETCH // context * context


def most_bytes(room: int, tokens: int) -> int:
    """Memory that keeping codes of a set of so many tokens takes at most: 8 bytes an entry and 17 a
    row, twice, since they are copied when some are dropped and when they are sorted at the end."""
    return 2 * (8 * room + 9 * min(room, tokens))


class CodesCollector(Collector):
    """Keeps stretches of the text, all of them as long as there is room for them.

    When there is not, those in the second half of a random order of all stretches are dropped, and
    are kept no more, then those of the second quarter, and so on: at any time, what is kept is a
    random sample of the stretches seen. Memory: see `most_bytes`.
    """

    def __init__(self, features: int, seed: int, room: int = ROOM, stretch: int = STRETCH) -> None:
        """`stretch`: a document is one of as many tokens, or several of so many each."""
        self._features = features
        self._seed = seed
        self._room = room
        self._stretch = stretch
        self._bound = np.array([np.iinfo(np.uint64).max])
        """Stretches with a rank up to this are kept."""
        self._kept: list[SparseRows] = []
        self._size = 0

    def add(self, rows: SparseRows) -> None:
        self._take(rows.select(self._is_sampled(rows)))
        while self._size > self._room and self._bound[0]:
            self._bound >>= np.uint64(1)
            kept, self._kept, self._size = self._kept, [], 0
            for part in kept:
                self._take(part.select(self._is_sampled(part)))

    def state(self) -> Arrays:
        return {**self._all().to_arrays("state/kept"), "state/kept_bound": self._bound}

    def restore(self, arrays: Arrays) -> None:
        self._kept, self._size = [], 0
        kept = SparseRows.from_arrays("state/kept", arrays)
        # what sorts them by feature relies on it
        if not ((kept.features >= 0) & (kept.features < self._features)).all():
            raise UserError("state/kept_features has features that the SAE hasn't got.")
        self._take(kept)
        self._bound[:] = stored_array(arrays, "state/kept_bound", like=self._bound)

    def code_arrays(self) -> Arrays:
        """The arrays of a catalogue's `Codes`, under their paths in it."""
        rows = self._all()
        first = np.ones(len(rows), np.bool_)
        first[1:] = np.diff(rows.documents) | np.diff(rows.positions // self._stretch)
        support = Support(torch.from_numpy(rows.offsets), torch.from_numpy(rows.features))
        order = sort_by_feature(support, self._features)
        return {
            "codes/documents": rows.documents[first],
            "codes/firsts": rows.positions[first],
            "codes/bounds": np.append(np.flatnonzero(first), len(rows)),
            "codes/offsets": rows.offsets,
            "codes/features": rows.features,
            "codes/values": rows.values,
            "codes/starts": order.starts.numpy(),
            "codes/rows": order.vectors.numpy(),
            "codes/entries": order.entries.numpy(),
        }

    def _all(self) -> SparseRows:
        return SparseRows.concatenate([SparseRows.empty(), *self._kept])

    def _take(self, rows: SparseRows) -> None:
        if len(rows):
            self._kept.append(rows)
            self._size += len(rows) + len(rows.features)

    def _is_sampled(self, rows: SparseRows) -> NDArray[np.bool_]:
        numbers = rows.positions // self._stretch
        return np.asarray(stretch_ranks(self._seed, rows.documents, numbers) <= self._bound[0])
