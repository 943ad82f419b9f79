"""All collectors of a scan, fed together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.features.scan.collect.categories import Categories
from engine.features.scan.collect.codes import KeptCodes
from engine.features.scan.collect.collector import Arrays, Collector
from engine.features.scan.collect.examples import Examples
from engine.features.scan.collect.histogram import Histogram
from engine.features.scan.collect.moments import Moments
from engine.features.scan.collect.rows import Rows
from engine.features.scan.collect.sample import Sample

SAMPLED = 40
"""Active tokens sampled of every feature: four for each tenth of its activations."""


class Collection:
    """What is known of all features after some of the rows."""

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
        self.moments = Moments(features)
        self.examples = Examples(features, top_k, radius)
        self.codes = KeptCodes(features, seed, room, stretch)
        self._all: list[Collector] = [
            self.moments,
            Histogram(features),
            self.examples,
            Sample(features, SAMPLED, seed),
            self.codes,
        ]
        if categories:
            self._all.append(Categories(features, category_of, categories))
        self.bytes = sum(array.nbytes for array in self.held().values())
        """Memory that it holds, but for the codes."""

    def add(self, rows: Rows) -> None:
        """Take in the next rows."""
        for collector in self._all:
            collector.add(rows)

    def held(self) -> Arrays:
        """All that it knows."""
        return {path: a for collector in self._all for path, a in collector.held().items()}

    def restore(self, arrays: Arrays) -> None:
        """Know what another knew when it held `arrays`."""
        for collector in self._all:
            collector.restore(arrays)

    def shown(self) -> dict[str, NDArray[Any]]:
        """What a reader finds in a catalogue, but for the codes."""
        known = {path: a for c in self._all for path, a in {**c.held(), **c.shown()}.items()}
        return {path: a for path, a in known.items() if not path.startswith("state/")}
