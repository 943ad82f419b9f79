"""How quickly a table of a million features opens, sorts, filters and scrolls, as painted.

    python benchmarks/line_table.py [features]

Columns are decoded, ordered and filtered by what the features pane does that with, from the bytes
that the engine sends. Every time runs from the call or the key to the frame that shows the result,
on a screen of 120×40 cells; the median of several is printed beside the worst one.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from brainsurg_tui.panes.features.columns import FeatureColumns
from brainsurg_tui.state.feature_filter import FeatureFilter
from brainsurg_tui.widgets.line_table import LineTable
from engine.service.protocol import FeatureTable, Matches, Note

SCREEN = (120, 40)
TARGETS = {"open": 500, "sort": 250, "filter": 100, "page": 30, "step": 30}  # ms
NOTED = 5_000


def feature_table(features: int) -> FeatureTable:
    """What the engine tells of so many features, some of them with a label."""
    rng = np.random.default_rng(0)
    maxima = rng.gamma(2.0, 2.0, features).astype("<f4")
    density = (rng.random(features) ** 4).astype("<f4")
    columns = {
        "max": maxima,
        "mean": maxima / 3,
        "std": maxima / 4,
        "density": density,
        "count": (density * 1e7).astype("<i4"),
        "documents": (density * 1e4).astype("<i4"),
    }
    noted = rng.choice(features, min(NOTED, features), replace=False).tolist()
    return FeatureTable(
        sae="sae",
        activations="activations",
        features=features,
        tokens=10_000_000,
        columns={name: column.tobytes() for name, column in columns.items()},
        dtypes={name: column.dtype.str for name, column in columns.items()},
        notes={id: Note(label=f"label of the feature with the number {id}") for id in noted},
    )


def feature_filter(columns: FeatureColumns) -> FeatureFilter:
    """The answer to the filter `density < 0.01 and max > 5`."""
    values = columns.values
    mask = (values["density"] < 0.01) & (values["max"] > 5)
    bits = np.packbits(mask, bitorder="little").tobytes()
    return FeatureFilter("density < 0.01 and max > 5", Matches(matching=int(mask.sum()), mask=bits))


class Host(App[None]):
    """A table of features as the application shows them, and when it was last painted."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.told = feature_table(features)
        self.columns = FeatureColumns(self.told)
        self.table = LineTable(*self.columns.columns)
        self.painted = asyncio.Event()

    def compose(self) -> ComposeResult:
        """Show the table alone."""
        yield self.table

    def cells(self, row: int) -> Sequence[str]:
        """Return the cells of a row."""
        return self.columns.cells(row, self.told.notes.get(row, Note()))

    def order(self, key: str) -> NDArray[np.intp]:
        """Return all features, the largest of a column first."""
        return self.columns.order(key, self.told.notes, reverse=True)

    def post_display_hook(self) -> None:
        """Note that a frame was painted."""
        self.painted.set()


async def _measure(host: Host, act: Callable[[], Awaitable[None]]) -> float:
    """Return the milliseconds from the call of `act` to the next frame."""
    host.painted.clear()
    start = time.perf_counter()
    await act()
    await asyncio.wait_for(host.painted.wait(), 10)
    return (time.perf_counter() - start) * 1000


async def _key(host: Host, pilot: Pilot[None], key: str) -> float:
    async def press() -> None:
        pilot.app.simulate_key(key)

    taken = await _measure(host, press)
    await pilot.pause()
    return taken


async def main(features: int) -> None:
    """Print the times of everything done to a table of so many features."""
    host = Host(features)
    wanted = feature_filter(host.columns)
    times: dict[str, list[float]] = {name: [] for name in TARGETS}
    async with host.run_test(size=SCREEN) as pilot:
        await pilot.pause()

        async def opened() -> None:
            host.columns = FeatureColumns(host.told)
            host.table.set_rows(features, host.cells, host.order("max"))

        async def sort(key: str) -> None:
            host.table.order = host.order(key)

        async def filtered() -> None:
            mask = wanted.mask(features)
            order = host.order("density")
            host.table.order = order[mask[order]]

        for key in ("density", "count", "label", "id", "density"):
            times["open"].append(await _measure(host, opened))
            await pilot.pause()
            times["sort"].append(await _measure(host, partial(sort, key)))
            await sort("density")
            await pilot.pause()
            times["filter"].append(await _measure(host, filtered))
            await pilot.pause()
        host.table.order = None
        await pilot.press("g")
        for _ in range(20):
            times["page"].append(await _key(host, pilot, "pagedown"))
        for _ in range(20):
            times["step"].append(await _key(host, pilot, "k"))
    print(f"{features:,} features, {SCREEN[0]}×{SCREEN[1]}: milliseconds until painted")
    for name, taken in times.items():
        median, worst = statistics.median(taken), max(taken)
        print(f"  {name:<7}{median:7.1f}  worst {worst:7.1f}  target {TARGETS[name]}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
