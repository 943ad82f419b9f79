"""The bins in which a scan counts activations, for all SAEs the same (no torch here)."""

import numpy as np
from numpy.typing import NDArray

BINS = 64
LOWEST = -24
"""The first bin begins at 2 to the power of half of this."""

BinEdges = NDArray[np.float64]


def bin_edges() -> BinEdges:
    """[BINS + 1]: bin b counts activations from edges[b] to before edges[b + 1].

    The first also counts all that is smaller, the last all that is larger.
    """
    return np.exp2((np.arange(BINS + 1) + LOWEST) / 2)
