"""How often and how strongly each feature is active, and in how many documents."""

import numpy as np

from engine.features.scan.collect.collector import Arrays, Collector
from engine.features.scan.collect.rows import SparseRows
from engine.numba_launch import jit, run_in_threads


class MomentsCollector(Collector):
    """Counts, sums, sums of squares, maxima and distinct documents: 36 bytes a feature."""

    def __init__(self, features: int) -> None:
        self._tokens = np.zeros(1, np.int64)
        self.count = np.zeros(features, np.int64)
        """[features]: tokens on which the feature is active."""
        self._sum = np.zeros(features, np.float64)
        self._squares = np.zeros(features, np.float64)
        self._max = np.zeros(features, np.float32)
        self._documents = np.zeros(features, np.int32)
        self._newest = np.full(features, -1, np.int32)

    @property
    def tokens(self) -> int:
        """Counted tokens seen."""
        return int(self._tokens[0])

    def add(self, rows: SparseRows) -> None:
        """Take in rows; documents come in their order, and may have begun before."""
        self._tokens += rows.counted.sum()
        run_in_threads(
            _add,
            len(self.count),
            rows.documents,
            rows.offsets,
            rows.features,
            rows.values,
            self.count,
            self._sum,
            self._squares,
            self._max,
            self._documents,
            self._newest,
        )

    def state(self) -> Arrays:
        return {
            "columns/count": self.count,
            "columns/max": self._max,
            "columns/documents": self._documents,
            "state/sum": self._sum,
            "state/squares": self._squares,
            "state/newest": self._newest,
            "state/tokens": self._tokens,
        }

    def derived(self) -> Arrays:
        """Mean and standard deviation over active tokens, and the share of those of all."""
        times = np.maximum(self.count, 1)
        mean = self._sum / times
        variance = np.maximum(self._squares / times - mean**2, 0)
        return {
            "columns/mean": mean.astype(np.float32),
            "columns/std": np.sqrt(variance).astype(np.float32),
            "columns/density": (self.count / max(1, self.tokens)).astype(np.float32),
        }


@jit
def _add(
    documents, offsets, features, values, count, total, squares, largest, distinct, newest, lo, hi
):
    for row in range(len(documents)):
        for entry in range(offsets[row], offsets[row + 1]):
            f = features[entry]
            if lo <= f < hi:
                value = values[entry]
                count[f] += 1
                total[f] += np.float64(value)
                squares[f] += np.float64(value) * np.float64(value)
                largest[f] = max(largest[f], value)
                if newest[f] != documents[row]:
                    newest[f] = documents[row]
                    distinct[f] += 1
