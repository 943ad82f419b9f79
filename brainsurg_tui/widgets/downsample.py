"""Making a long series short without losing what stands out in it."""

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


def keep_extremes(
    xs: "ArrayLike", ys: "ArrayLike", buckets: int
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Return the first and last point, and of every bucket the smallest and the largest.

    `xs` and `ys`: [points], in the order of drawing; the shorter one says how many. What
    returns has at most 2 * `buckets` + 2 points, all finite. A spike of a single point
    survives, which a mean or every n-th point would lose.
    """
    import numpy as np

    x, y = np.asarray(xs, dtype=np.float64), np.asarray(ys, dtype=np.float64)
    points = min(len(x), len(y))
    x, y = x[:points], y[:points]
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    if len(x) <= 2 * buckets + 2:
        return x, y
    edges = np.linspace(0, len(x), buckets + 1).astype(int)
    kept = {0, len(x) - 1}
    for start, end in pairwise(edges):
        kept |= {int(start + y[start:end].argmin()), int(start + y[start:end].argmax())}
    chosen = sorted(kept)
    return x[chosen], y[chosen]
