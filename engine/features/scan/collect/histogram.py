"""How often activations of each size occur: a histogram over half octaves."""

import numpy as np

from engine.features.catalogue.bins import BINS, LOWEST
from engine.features.scan.collect.collector import Arrays, Collector
from engine.features.scan.collect.rows import SparseRows
from engine.numba_launch import jit, run_in_threads

_EXPONENT_BIAS = 127
_ROOT_OF_TWO = int(np.float32(2**0.5).view(np.int32)) & 0x7FFFFF


class HistogramCollector(Collector):
    """Counts in the bins of `engine.features.catalogue.bins`: 256 bytes a feature."""

    def __init__(self, features: int) -> None:
        self._counts = np.zeros((features, BINS), np.int32)

    def add(self, rows: SparseRows) -> None:
        bits = rows.values.view(np.int32)
        run_in_threads(_add, len(self._counts), rows.features, bits, self._counts)

    def state(self) -> Arrays:
        return {"histogram": self._counts}


@jit
def _add(features, bits, counts, lo, hi):
    """The bin is read off a float's bits: its exponent, and whether its mantissa reaches √2."""
    for entry in range(len(features)):
        f = features[entry]
        if lo <= f < hi:
            octave = (bits[entry] >> 23) - _EXPONENT_BIAS
            half = (bits[entry] & 0x7FFFFF) >= _ROOT_OF_TWO
            place = 2 * octave + half - LOWEST
            counts[f, min(max(place, 0), BINS - 1)] += 1
