"""A random sample of the tokens on which each feature is active."""

import numpy as np

from engine.features.scan.collect.collector import Arrays, Collector
from engine.features.scan.collect.hashing import rank_of
from engine.features.scan.collect.rows import SparseRows
from engine.numba_launch import jit, run_in_threads


class SampleCollector(Collector):
    """Keeps the n active tokens of each feature that come first in a random order of all tokens:
    12 bytes each, and 8 a feature.

    So every active token has the same chance, whatever comes before or after it (bottom-k sampling:
    Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC 2007), and a tenth of the
    sample, by activation, is a sample of a tenth of the activations.
    """

    def __init__(self, features: int, n: int, seed: int) -> None:
        self._documents = np.full((features, n), -1, np.int32)
        self._positions = np.full((features, n), -1, np.int32)
        self._values = np.zeros((features, n), np.float32)
        self._last = np.full(features, np.iinfo(np.uint64).max, np.uint64)
        """[features]: the rank of the token that would go first; the greatest while there is
        room."""
        self._seed = np.uint64(seed)

    def add(self, rows: SparseRows) -> None:
        run_in_threads(
            _add,
            len(self._last),
            self._seed,
            rows.documents,
            rows.positions,
            rows.offsets,
            rows.features,
            rows.values,
            self._documents,
            self._positions,
            self._values,
            self._last,
        )

    def state(self) -> Arrays:
        return {
            "sample/document": self._documents,
            "sample/position": self._positions,
            "sample/value": self._values,
            "state/last_sampled": self._last,
        }


@jit
def _add(
    seed,
    documents,
    positions,
    offsets,
    features,
    values,
    kept_documents,
    kept_positions,
    kept_values,
    last,
    lo,
    hi,
):
    n = kept_values.shape[1]
    for row in range(len(documents)):
        rank = rank_of(seed, documents[row], positions[row])
        for entry in range(offsets[row], offsets[row + 1]):
            f = features[entry]
            if lo <= f < hi and rank < last[f]:
                place, greatest, room = 0, np.uint64(0), False
                for other in range(n):
                    if kept_documents[f, other] < 0:
                        place, room = other, True
                        break
                    other_rank = rank_of(seed, kept_documents[f, other], kept_positions[f, other])
                    if other_rank >= greatest:
                        place, greatest = other, other_rank
                kept_documents[f, place] = documents[row]
                kept_positions[f, place] = positions[row]
                kept_values[f, place] = values[entry]
                if not room or place == n - 1:
                    last[f] = _greatest_rank(seed, kept_documents[f], kept_positions[f])


@jit
def _greatest_rank(seed, documents, positions):
    greatest = np.uint64(0)
    for other in range(len(documents)):
        greatest = max(greatest, rank_of(seed, documents[other], positions[other]))
    return greatest
