"""Which features tell labels, on texts that they may be chosen by."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Labels = NDArray[np.int64]
"""[texts]: the number of each text's label, from 0."""


def mean_differences(features: csr_array, labels: Labels, classes: int) -> NDArray[np.float64]:
    """[features, classes]: the mean in the texts of a label less that in all others.

    features: [texts, features]. Every label has a text, and there are two at least.
    """
    texts = len(labels)
    belongs = csr_array((np.ones(texts), (labels, np.arange(texts))), (classes, texts))
    sums = (belongs @ features).toarray()
    counts = np.bincount(labels, minlength=classes)[:, None]
    others = (sums.sum(axis=0) - sums) / (texts - counts)
    difference: NDArray[np.float64] = (sums / counts - others).T
    return difference


class RankedFeatures:
    """Features by the order of their values in all texts, for the AUC in some of them."""

    def __init__(self, features: csr_array) -> None:
        """features: [texts, features], nowhere below 0."""
        entries = features.tocoo()
        self._count = features.shape[1]
        text, feature = entries.coords
        order = np.lexsort((entries.data, feature))
        self._texts, self._features = text[order], feature[order]
        self._values = entries.data[order]

    def auc(self, chosen: NDArray[np.int64], labels: Labels, classes: int) -> NDArray[np.float64]:
        """[features, classes]: the chance that a feature is larger in a text of a label than in one
        of another, equal ones counting one half (Mann and Whitney's U), among `chosen` texts [n].

        labels: [n], of these texts. Texts without a feature all share its lowest rank, so that only
        entries are summed.
        """
        place = np.full(int(max(self._texts.max(initial=0), chosen.max())) + 1, -1)
        place[chosen] = np.arange(len(chosen))
        kept = place[self._texts] >= 0
        feature, value = self._features[kept], self._values[kept]
        label = labels[place[self._texts[kept]]]
        active = np.bincount(feature, minlength=self._count)
        silent = len(chosen) - active
        first = np.flatnonzero(
            (np.diff(feature, prepend=-1) != 0) | (np.diff(value, prepend=np.nan) != 0)
        )
        length = np.diff(first, append=len(feature))
        begins = active.cumsum() - active
        rank = silent[feature[first]] + first - begins[feature[first]] + (length + 1) / 2
        ranks = np.repeat(rank, length)
        size = self._count * classes
        shape = (self._count, classes)
        key = feature * classes + label
        of_class = np.bincount(labels, minlength=classes)
        silent_of_class = of_class - np.bincount(key, minlength=size).reshape(shape)
        sums = np.bincount(key, ranks, size).reshape(shape).astype(np.float64)
        sums += silent_of_class * ((silent + 1) / 2)[:, None]
        auc: NDArray[np.float64] = (sums - of_class * (of_class + 1) / 2) / (
            of_class * (len(chosen) - of_class)
        )
        return auc


def largest(values: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """The places of the `most` largest of some values, largest first; of equals the first."""
    order: NDArray[np.int64] = np.argsort(-values, kind="stable")[:most]
    return order
