"""All collectors of a scan, fed together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.features.scan.collect.categories import CategoryCollector
from engine.features.scan.collect.codes import CodesCollector
from engine.features.scan.collect.collector import Arrays, Collector
from engine.features.scan.collect.examples import ExampleCollector
from engine.features.scan.collect.histogram import HistogramCollector
from engine.features.scan.collect.moments import MomentsCollector
from engine.features.scan.collect.rows import SparseRows
from engine.features.scan.collect.sample import SampleCollector

SAMPLED = 40
"""Active tokens sampled of every feature: four for each tenth of its activations."""


class Collectors:
    """All that a scan keeps of every feature, after some of the rows."""

    def __init__(
        self,
        features: int,
        *,
        top_k: int,
        radius: int,
        category_of: NDArray[np.int64],
        categories: int,
        seed: int,
        room: int,
        stretch: int,
    ) -> None:
        """`room`: entries and rows whose codes are kept, in stretches of `stretch` tokens. See the
        collectors for the others."""
        self.moments = MomentsCollector(features)
        self.examples = ExampleCollector(features, top_k, radius)
        self.codes = CodesCollector(features, seed, room, stretch)
        self._all: list[Collector] = [
            self.moments,
            HistogramCollector(features),
            self.examples,
            SampleCollector(features, SAMPLED, seed),
            self.codes,
        ]
        if categories:
            self._all.append(CategoryCollector(features, category_of, categories))
        self.bytes = sum(array.nbytes for array in self.state().values())
        """Memory that the arrays take, but for the codes."""

    def add(self, rows: SparseRows) -> None:
        """Take in the next rows."""
        for collector in self._all:
            collector.add(rows)

    def state(self) -> Arrays:
        """All arrays that the collectors go on from, by path."""
        return {path: a for collector in self._all for path, a in collector.state().items()}

    def restore(self, arrays: Arrays) -> None:
        """Go on from the `state` that another instance had."""
        for collector in self._all:
            collector.restore(arrays)

    def catalogue_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of a catalogue, but for the codes, by path."""
        known = {path: a for c in self._all for path, a in {**c.state(), **c.derived()}.items()}
        return {path: a for path, a in known.items() if not path.startswith("state/")}
