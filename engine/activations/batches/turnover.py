"""Pools of rows that are drawn in random order while the next pool moves in."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from engine.activations.batches.source import Rows
from engine.progress import SILENT, Progress


class RowLayout(NamedTuple):
    """What the rows of one site are."""

    width: int
    """d_model"""
    dtype: torch.dtype


class RowBuffer:
    """Places for rows, each held at every site. A place is an index, the same at all of them.

    Memory: `capacity` rows at every site, on `device`, and 8 bytes a free place.
    """

    def __init__(
        self, capacity: int, kinds: Mapping[str, RowLayout], device: torch.device | str = "cpu"
    ) -> None:
        self._held = {
            name: torch.empty(capacity, kind.width, dtype=kind.dtype, device=device)
            for name, kind in kinds.items()
        }
        self._device = torch.device(device)
        self._free = torch.arange(capacity)

    def put(self, rows: Rows) -> Tensor:
        """Copy rows to free places; gives the places, `[rows]` int64."""
        count = len(next(iter(rows.values())))
        if count > len(self._free):
            raise ValueError(f"{count} rows for {len(self._free)} free places")
        places = self._free[:count]
        self._free = self._free[count:]
        where = places.to(self._device)
        for name, held in self._held.items():
            held.index_copy_(0, where, rows[name].to(held.device, held.dtype))
        return places

    def take(self, places: Tensor) -> Rows:
        """Copies of the rows at some places, in that order."""
        where = places.to(self._device)
        return {name: held.index_select(0, where) for name, held in self._held.items()}

    def release(self, places: Tensor) -> None:
        """Make places free."""
        self._free = torch.cat([self._free, places])


class Turnover:
    """One pool being drawn, and the next one moving into the places that this sets free.

    With every draw the next pool grows by the same share by which the pool at hand shrinks, so
    that there is never a long wait for a whole pool, and no more room is needed than for one.
    """

    def __init__(self, buffer: RowBuffer, feed: Iterator[Rows]) -> None:
        """`feed` gives the rows of one pool after the other, in parts of any size."""
        self.buffer = buffer
        self._feed = feed
        self._unplaced: Rows = {}
        self._pool = torch.empty(0, dtype=torch.int64)
        self._stays = False
        self._drawn = 0
        self._coming = 0
        self._arrived: list[Tensor] = []

    @property
    def left(self) -> int:
        """Rows of the pool at hand that haven't been drawn."""
        return len(self._pool) - self._drawn

    def begin(self, pool: Tensor, drawn: int, coming: int, *, stays: bool = False) -> None:
        """Draw from the places `pool` in their order, of which the first `drawn` are done with.

        `coming`: rows that the next pool takes from the feed. A pool that `stays` keeps its places.
        """
        self._pool, self._stays, self._drawn = pool, stays, drawn
        self._coming = coming
        if not stays:
            self.buffer.release(pool[:drawn])

    def peek(self, most: int) -> Rows:
        """Up to `most` rows of the pool at hand that come next, without drawing them."""
        return self.buffer.take(self._pool[self._drawn : self._drawn + most])

    def draw(self, most: int) -> Rows:
        """Up to `most` next rows, no further than the end of the pool at hand."""
        places = self._pool[self._drawn : self._drawn + most]
        share = -(-self._coming * len(places) // self.left)
        rows = self.buffer.take(places)
        self._drawn += len(places)
        if not self._stays:
            self.buffer.release(places)
        self._bring(share)
        return rows

    def arrivals(self) -> Tensor:
        """The places of the rows that came for the next pool, in the order in which they came."""
        arrived, self._arrived = torch.cat(self._arrived), []
        return arrived

    def bring_pool(
        self,
        rows: int,
        progress: Progress = SILENT,
    ) -> Tensor:
        """Bring a whole pool in at once, telling `progress`; gives the places of its rows."""
        self._coming = rows
        while self._coming:
            progress("fill the buffer", rows - self._coming, rows, "tokens")
            self._bring_part(self._coming)
        progress("fill the buffer", rows, rows, "tokens")
        return self.arrivals()

    def _bring(self, rows: int) -> None:
        enough = self._coming - rows
        while self._coming > enough:
            self._bring_part(self._coming - enough)

    def _bring_part(self, most: int) -> None:
        """Bring in up to `most` rows of what the feed handed over last."""
        if not self._unplaced:
            self._unplaced = next(self._feed)
        now = {name: rows[:most] for name, rows in self._unplaced.items()}
        self._unplaced = {
            name: rows[most:] for name, rows in self._unplaced.items() if len(rows) > most
        }
        places = self.buffer.put(now)
        self._arrived.append(places)
        self._coming -= len(places)
