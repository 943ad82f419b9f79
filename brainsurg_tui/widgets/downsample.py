"""Making a long series short without losing what stands out in it."""

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


def keep_extremes(
    xs: "ArrayLike", ys: "ArrayLike", buckets: int
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Return at most `2 * buckets` points of the series: every bucket's smallest and largest.

    `xs` and `ys`: [points], in the order of drawing. Points that are not finite are left out. A
    spike of a single point survives, which a mean or every n-th point would lose.
    """
    import numpy as np

    x, y = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    length = min(len(x), len(y))
    x, y = x[:length], y[:length]
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x) <= 2 * buckets:
        return x, y
    edges = np.linspace(0, len(x), buckets + 1).astype(int)
    kept = [
        start + extreme
        for start, end in pairwise(edges)
        for extreme in sorted((int(y[start:end].argmin()), int(y[start:end].argmax())))
    ]
    return x[kept], y[kept]
