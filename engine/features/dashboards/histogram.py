"""Histograms of equal bins, as SAEDashboard draws them (no torch here)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 50


def histogram(values: NDArray[np.floating[Any]]) -> tuple[list[float], list[int]]:
    """The middles of 50 equal bins between the least and the greatest of `values` [n], and how many
    lie in each; nothing of nothing."""
    if not len(values):
        return [], []
    heights, edges = np.histogram(values, BINS)
    return shortened((edges[:-1] + edges[1:]) / 2), heights.tolist()


def shortened(values: NDArray[np.floating[Any]]) -> list[float]:
    """Five significant digits of each, so that files hold no digits that say nothing."""
    return [float(f"{value:.5g}") for value in values.tolist()]
