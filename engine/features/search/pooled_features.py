"""What features do in a document as a whole: one number for each, from those of its tokens."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.features.search.document_features import DocumentRows

Pool = Literal["sum", "max", "last"]
"""`sum`: over its tokens; `max`: the largest; `last`: on its last token."""


class PooledFeatures:
    """Takes in tokens of documents, in any order, and pools what is active on them.

    Memory: 16 bytes for every feature that is active in a document; of `last`, 24 for every one
    that is active on the last token of a document's part.
    """

    def __init__(self, d_sae: int, pool: Pool) -> None:
        self._d_sae = d_sae
        self._pool: Pool = pool
        self._keys: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        self._values: list[NDArray[np.float64]] = [np.zeros(0)]
        self._places: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        """Of `last`: where in its document the token of each entry is."""
        self._sizes = np.zeros(0, np.int64)
        self._ends = np.zeros(0, np.int64)

    def add(self, rows: DocumentRows) -> None:
        """Take in some tokens."""
        documents, order = rows.documents.numpy(), rows.order.numpy()
        if not len(documents):
            return
        more = documents.max() + 1 - len(self._sizes)
        if more > 0:
            self._sizes = np.pad(self._sizes, (0, more))
            self._ends = np.pad(self._ends, (0, more), constant_values=-1)
        np.add.at(self._sizes, documents, 1)
        np.maximum.at(self._ends, documents, order)
        row, values = rows.rows.cpu().numpy(), rows.acts.cpu().numpy()
        keys = documents[row] * self._d_sae + rows.features.cpu().numpy()
        if self._pool == "last":
            is_last = order[row] == self._ends[documents[row]]
            keys, values = keys[is_last], values[is_last]
            self._places.append(order[row][is_last])
        else:
            keys, values = self._combine(keys, values)
        self._keys.append(keys)
        self._values.append(values)

    @property
    def tokens(self) -> NDArray[np.int64]:
        """[documents]: how many of each were taken in; of documents up to the last that has one."""
        return self._sizes

    def matrix(self) -> csr_array:
        """[documents, d_sae] float64: 0 where a feature is never active."""
        keys, values = np.concatenate(self._keys), np.concatenate(self._values)
        if self._pool == "last":
            kept = np.concatenate(self._places) == self._ends[keys // self._d_sae]
            keys, values = keys[kept], values[kept]
        keys, values = self._combine(keys, values)
        shape = (len(self._sizes), self._d_sae)
        return csr_array((values, (keys // self._d_sae, keys % self._d_sae)), shape)

    def _combine(
        self, keys: NDArray[np.int64], values: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Each key once, ascending, with what comes of its values."""
        if not len(keys):
            return keys, values
        order = keys.argsort(kind="stable")
        keys, values = keys[order], values[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        reduce = np.maximum if self._pool == "max" else np.add
        return keys[starts], reduce.reduceat(values, starts)
