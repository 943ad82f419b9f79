"""How active each feature is in the documents of each category, and which it prefers."""

import numpy as np
from numpy.typing import NDArray

from engine.features.scan.collect.collector import Arrays, Collector
from engine.features.scan.collect.rows import SparseRows
from engine.numba_launch import jit, run_in_threads


class CategoryCollector(Collector):
    """Sums and counts per category: 16 bytes a feature and category.

    Selectivity is the class selectivity index of Morcos et al., "On the importance of single
    directions for generalization" (ICLR 2018): (μ_max - μ_rest) / (μ_max + μ_rest), where μ_max is
    the largest of the feature's mean activations per category, over all tokens of a category,
    silent ones included, and μ_rest is the mean of its means in the other categories. It is 0 for
    a feature that is equally active everywhere and 1 for one that is active in one category only.
    """

    def __init__(self, features: int, category_of: NDArray[np.int64], categories: int) -> None:
        """`category_of` [documents]: the category of each document, from 0; -1 for none."""
        self._category_of = category_of
        self._tokens = np.zeros(categories, np.int64)
        self._sums = np.zeros((categories, features), np.float64)
        self._counts = np.zeros((categories, features), np.int64)

    def add(self, rows: SparseRows) -> None:
        category_of_row = self._category_of[rows.documents]
        here = category_of_row[rows.counted & (category_of_row >= 0)]
        self._tokens += np.bincount(here, minlength=len(self._tokens))
        run_in_threads(
            _add,
            self._sums.shape[1],
            category_of_row,
            rows.offsets,
            rows.features,
            rows.values,
            self._sums,
            self._counts,
        )

    def state(self) -> Arrays:
        return {
            "state/category_tokens": self._tokens,
            "state/category_sums": self._sums,
            "state/category_counts": self._counts,
        }

    def derived(self) -> Arrays:
        """Means and densities per category; selectivity, and the preferred category, which is -1
        for a feature that is active in none."""
        tokens = np.maximum(self._tokens, 1)[:, None]
        means = self._sums / tokens
        category = means.argmax(0)
        highest = means.max(0)
        rest = (means.sum(0) - highest) / (len(means) - 1)
        total = highest + rest
        silent = total == 0
        selectivity = (highest - rest) / np.where(silent, 1, total)
        return {
            "categories/mean": means.astype(np.float32),
            "categories/density": (self._counts / tokens).astype(np.float32),
            "columns/selectivity": selectivity.astype(np.float32),
            "columns/category": np.where(silent, -1, category).astype(np.int32),
        }


@jit
def _add(category_of_row, offsets, features, values, sums, counts, lo, hi):
    for row in range(len(category_of_row)):
        category = category_of_row[row]
        if category >= 0:
            for entry in range(offsets[row], offsets[row + 1]):
                f = features[entry]
                if lo <= f < hi:
                    sums[category, f] += np.float64(values[entry])
                    counts[category, f] += 1
