"""Which features' activations go up and down together (no torch here)."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.features.catalogue.codes import Codes

Doubles = NDArray[np.float64]


class Correlated(NamedTuple):
    """A feature beside the one that was asked for."""

    feature: int
    pearson: float
    cosine: float


class Correlations:
    """Pearson's r and cosine similarity of features' activations, silent tokens counting as 0.

    Over all tokens of the codes that figures are taken over, from what is active alone:
    r = (n Σxy − Σx Σy) / √((n Σx² − (Σx)²) (n Σy² − (Σy)²)).
    """

    def __init__(self, codes: Codes, tokens: float) -> None:
        """`tokens`: how many of the codes' rows are tokens that figures are taken over."""
        self._codes = codes
        self._tokens = tokens
        features = len(codes.starts) - 1
        self._sums = np.bincount(codes.features, codes.values, features)
        self._squares = np.bincount(codes.features, np.square(codes.values, dtype=float), features)

    def of(self, feature: int, most: int) -> list[Correlated]:
        """The features that correlate most with one, by Pearson's r, largest first.

        Only those that are active together with it at all.
        """
        products = self._products(feature)
        products[feature] = 0
        others = np.flatnonzero(products)
        pearson = self._pearson(feature, others, products[others])
        first = np.argsort(-pearson, kind="stable")[:most]
        sizes = self._squares[feature] * self._squares[others[first]]
        cosines = products[others[first]] / np.sqrt(sizes)
        return [
            Correlated(int(other), float(r), float(cosine))
            for other, r, cosine in zip(others[first], pearson[first], cosines, strict=True)
        ]

    def _products(self, feature: int) -> Doubles:
        """[features]: Σ over tokens of its activation times each feature's."""
        codes = self._codes
        rows, values = codes.active(feature)
        entries, lengths = codes.entries_of(rows)
        weights = np.repeat(values.astype(float), lengths) * codes.values[entries]
        return np.asarray(np.bincount(codes.features[entries], weights, len(codes.starts) - 1))

    def _pearson(self, feature: int, others: NDArray[Any], products: Doubles) -> Doubles:
        n, sums, squares = self._tokens, self._sums, self._squares
        covariance = n * products - sums[feature] * sums[others]
        variances = n * squares - sums**2
        return np.asarray(covariance / np.sqrt(variances[feature] * variances[others]))
