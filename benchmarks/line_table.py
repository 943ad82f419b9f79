"""How quickly a table of a million rows opens, sorts, filters and scrolls, as painted.

    python benchmarks/line_table.py [rows]

Every time runs from the call or the key to the frame that shows the result, on a screen of
120×40 cells; the median of several is printed beside the worst one.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable

SCREEN = (120, 40)
TARGETS = {"open": 500, "sort": 250, "filter": 100, "page": 30, "step": 30}  # ms


class Host(App[None]):
    """A table of features as the application shows them, and when it was last painted."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        rng = np.random.default_rng(0)
        self.table = LineTable(
            Column("id", "id", 8, align="right", priority=4),
            Column("max", "max", 8, align="right", priority=3),
            Column("mean", "mean", 8, align="right", priority=1),
            Column("density", "density", 9, align="right", priority=2),
            Column("label", "label", 20, fraction=1, priority=3),
        )
        self.rows = rows
        self.maxima = rng.gamma(2.0, 2.0, rows)
        self.density = rng.random(rows) ** 4
        self.painted = asyncio.Event()

    def compose(self) -> ComposeResult:
        """Show the table alone."""
        yield self.table

    def cells(self, row: int) -> Sequence[str]:
        """Return the cells of a row."""
        figures = (
            f"{self.maxima[row]:.2f}",
            f"{self.maxima[row] / 3:.2f}",
            f"{self.density[row]:.4f}",
        )
        return (str(row), *figures, f"label of the feature with the number {row}")

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


async def main(rows: int) -> None:
    """Print the times of everything done to a table of so many rows."""
    host = Host(rows)
    times: dict[str, list[float]] = {name: [] for name in TARGETS}
    async with host.run_test(size=SCREEN) as pilot:
        await pilot.pause()

        async def opened() -> None:
            host.table.set_rows(rows, host.cells, np.argsort(-host.maxima, kind="stable"))

        async def sorted_by_density() -> None:
            host.table.order = np.argsort(host.density, kind="stable")

        async def filtered() -> None:
            host.table.order = np.flatnonzero((host.density < 0.01) & (host.maxima > 5))

        for _ in range(5):
            times["open"].append(await _measure(host, opened))
            await pilot.pause()
            times["sort"].append(await _measure(host, sorted_by_density))
            await pilot.pause()
            times["filter"].append(await _measure(host, filtered))
            await pilot.pause()
        host.table.order = None
        await pilot.press("g")
        for _ in range(20):
            times["page"].append(await _key(host, pilot, "pagedown"))
        for _ in range(20):
            times["step"].append(await _key(host, pilot, "k"))
    start = time.perf_counter()
    np.argsort(host.density, kind="stable")
    alone = (time.perf_counter() - start) * 1000
    print(f"{rows:,} rows, {SCREEN[0]}×{SCREEN[1]}: milliseconds until painted")
    for name, taken in times.items():
        median, worst = statistics.median(taken), max(taken)
        print(f"  {name:<7}{median:7.1f}  worst {worst:7.1f}  target {TARGETS[name]}")
    print(f"  of a sort, {alone:.0f} are NumPy's own")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
