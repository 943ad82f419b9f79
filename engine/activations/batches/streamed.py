"""Endless training batches made by a model at work, without a store.

Neighbours in a text are alike, and a batch should hold few of them. The stream of rows is cut into
blocks of R rows, and the rows of each block are dealt at random into halves: one goes into pool b
of the block's own number, the other into pool b + 1. A pool, drawn in random order, is thus half
of a block and half of the block before it, and a row's neighbours are spread over two pools that
hold the text of two blocks each. `benchmarks/streaming.py` counts: of documents of 479 tokens, a
batch of 4,096 from pools of 262,144 rows holds 1,045 different ones, where rows drawn evenly from
the 1,094 documents of two blocks would be of 1,068.

    block   0        1        2        3
            ├──┐     ├──┐     ├──┐     ├──┐
    pool    0  └─────1  └─────2  └─────3  └── …

Every random choice follows from the seed and the number of the block, and nothing reaches further
back than one block. So a few numbers say where the stream stands, and to go on from there, text is
tokenised from a place near by and two blocks are run through the model again.

Rows are mixed within two blocks only: documents that are sorted (by source, by date) stay so beyond
that. The corpus is read in its own order in every epoch, and dealt anew each time.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec
import numpy as np
import torch
from torch import Tensor

from engine.activations.batches.observed import Chunk
from engine.activations.batches.pooled import PooledBatches
from engine.activations.batches.reading import StreamPosition
from engine.activations.batches.source import Rows
from engine.activations.batches.turnover import RowBuffer, RowLayout, Turnover
from engine.errors import UserError
from engine.progress import Progress

BUFFER_ROWS = 1 << 18


class RowStream(Protocol):
    """Rows without end that can be had again from any row on, such as `ObservedDocuments`."""

    @property
    def kinds(self) -> Mapping[str, RowLayout]:
        """What the rows of each site are."""
        ...

    def identity(self) -> dict[str, Any]:
        """What must be the same for the rows to be the same."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What else must be known to have the same rows, in JSON's own types."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give the rows that the instance gave of which this is the state."""
        ...

    def chunks(self, first: int, place: StreamPosition) -> Iterator[Chunk]:
        """The rows from row `first` on; reading begins at `place`, which isn't behind that row."""
        ...


class StreamedBatches(PooledBatches):
    """Batches drawn from pools of R = `buffer_rows` rows of a stream, see the module's text.

    The same seed, documents and model give the same batches, also after a `load_state_dict`.
    While a pool is drawn, the model makes the rows of the next one, a share with every batch.

    Memory: 1.5 R rows at every site, in the model's dtype on `device`, and 40 bytes a row.
    """

    def __init__(
        self,
        rows: RowStream,
        batch: int,
        seed: int,
        *,
        buffer_rows: int = BUFFER_ROWS,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(batch)
        if buffer_rows < 2:
            raise UserError(f"{buffer_rows} rows can't be mixed.", "Choose a larger buffer.")
        self._rows = rows
        self._seed = seed
        self._half = buffer_rows // 2
        self._device = device
        self._begins = {0: StreamPosition()}
        """By the number of a block, where the pass begins that its first row is of."""

    def sample(self, most: int) -> Rows:
        """Up to `most` of the rows that come next, as many as the pool at hand still holds."""
        return self._pool_at_hand().peek(most)

    def state_dict(self) -> dict[str, Any]:
        """The position in the stream: `load_state_dict` goes on with the very next batch."""
        begins = self._begins[self._first_block()]
        return super().state_dict() | {
            "begins": msgspec.to_builtins(begins),
            "rows": self._rows.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        Raises UserError if it was taken from a stream of other settings; that the documents are
        others is noticed when the next batch is made.
        """
        super().load_state_dict(state)
        self._rows.load_state_dict(state.get("rows", {}))  # which versions before had not
        self._begins = {self._first_block(): msgspec.convert(state["begins"], StreamPosition)}

    def _identity(self) -> dict[str, Any]:
        return self._rows.identity() | {
            "batch": self._batch,
            "seed": self._seed,
            "buffer_rows": 2 * self._half,
        }

    def _position(self) -> tuple[int, int]:
        """The pool to draw from and the rows drawn from it. Pool 0 is only half as large."""
        pool, place = divmod(self._drawn + self._half, 2 * self._half)
        return pool, place - (self._half if pool == 0 else 0)

    def _first_block(self) -> int:
        """The first block of which rows are still to come."""
        return max(0, self._position()[0] - 1)

    def _open(self, progress: Progress) -> Turnover:
        pool, drawn = self._position()
        buffer = RowBuffer(3 * self._half, self._rows.kinds, self._device)
        turnover = Turnover(buffer, self._feed())
        later = torch.empty(0, dtype=torch.int64)
        if pool > 0:
            now, later = self._deal(turnover.bring_pool(2 * self._half, progress), pool - 1)
            buffer.release(now)
        block = turnover.bring_pool(2 * self._half, progress)
        self._begin(turnover, block, later, pool, drawn)
        return turnover

    def _turn(self, turnover: Turnover) -> None:
        pool, drawn = self._position()
        self._begin(turnover, turnover.arrivals(), self._later, pool, drawn)

    def _begin(
        self, turnover: Turnover, block: Tensor, later: Tensor, number: int, drawn: int
    ) -> None:
        """Draw pool `number`: half of the block of that number, and what the one before left."""
        now, self._later = self._deal(block, number)
        pool = torch.cat([now, later])
        order = np.random.default_rng([self._seed, number, 1]).permutation(len(pool))
        turnover.begin(pool[torch.from_numpy(order)], drawn, coming=2 * self._half)
        self._begins = {b: place for b, place in self._begins.items() if b >= number - 1}

    def _deal(self, block: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """The places of a block's rows in random halves: for its own pool, and for the next."""
        order = np.random.default_rng([self._seed, number, 0]).permutation(2 * self._half)
        dealt = block[torch.from_numpy(order)]
        return dealt[: self._half], dealt[self._half :]

    def _feed(self) -> Iterator[Rows]:
        """The rows from the first block that is needed on, noting where blocks begin."""
        block = self._first_block()
        row = 2 * self._half * block
        for chunk in self._rows.chunks(row, self._begins[block]):
            row += len(next(iter(chunk.rows.values())))
            while 2 * self._half * block < row:
                self._begins[block] = chunk.place
                block += 1
            yield chunk.rows
