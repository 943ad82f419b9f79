"""Training rows of a store in random order: the split by document, and endless batches."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.activations.batches.pooled import PooledBatches
from engine.activations.batches.source import Rows
from engine.activations.batches.turnover import RowBuffer, RowLayout, Turnover
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.aligned import check_aligned
from engine.activations.store.row_summary import RowChoice
from engine.errors import UserError
from engine.progress import SILENT, Progress

MEMORY_BYTES = 2 << 30
BLOCK_ROWS = 256


def split_documents(
    acts: ActivationSet,
    held_out: float,
    seed: int,
    *,
    targets: ActivationSet | None = None,
    choice: RowChoice = "text",
    progress: Progress = SILENT,
) -> tuple[Tensor, Tensor]:
    """The rows to train on and those held out for evaluation: two int64 tensors, ascending.

    Whole documents are held out, drawn at random until they hold at least the share `held_out`
    (0 to 1) of the tokens, so that no text is on both sides; one document always stays to train on.
    Which documents these are depends on the token ids alone. On either side are the rows of the
    `choice` (`engine.activations.store.row_kinds`): without more said those of text, neither BOS
    nor sinks. With a transcoder's `targets`, they are so at both sites.

    Raises UserError when there is no second document to hold out.
    """
    documents = acts.manifest.documents
    document_of = np.repeat(np.arange(documents), acts.document_bounds.diff().numpy())
    tokens = np.bincount(document_of[_behind_start(acts)], minlength=documents)
    held = np.zeros(documents, dtype=bool)
    if held_out > 0:
        filled = np.flatnonzero(tokens)
        if len(filled) < 2:
            raise UserError(
                f"{acts.folder} holds a single document, so none can be held out.",
                "Capture more documents, or hold out nothing.",
            )
        order = np.random.default_rng(seed).permutation(filled)
        tokens_before = np.cumsum(tokens[order]) - tokens[order]
        wanted = tokens_before < held_out * tokens.sum()
        wanted[-1] = False
        held[order[wanted]] = True
    taken = acts.measure_rows(progress).taken(choice)
    if targets is not None:
        taken = taken & targets.measure_rows(progress).taken(choice)
    is_held = held[document_of]
    train, held_rows = np.flatnonzero(taken & ~is_held), np.flatnonzero(taken & is_held)
    return torch.from_numpy(train), torch.from_numpy(held_rows)


def _behind_start(acts: ActivationSet) -> npt.NDArray[np.bool_]:
    """[tokens]: whether the token is another than those that stand before a text."""
    starts = acts.manifest.start_token_ids
    ids = [shard.token_ids.numpy() for shard in acts.shards()]
    return np.concatenate([np.isin(part, starts, invert=True) for part in ids])


class StoredBatches(PooledBatches):
    """Endless batches of some rows of a store: every row once an epoch, shuffled.

    Several sets captured in one go, at different sites, give the same rows at every site: what a
    transcoder trains on, or several autoencoders at once.

    The order depends on the seed and the epoch alone. Rows that fit in `memory_bytes` are read once
    and permuted uniformly. More rows than that are drawn through windows of `memory_bytes`: the
    epoch's rows are cut into blocks of 256 neighbours (so that disks read runs, not single rows),
    the blocks are permuted, and each window of blocks from all over the set is permuted by row.
    While a window is drawn, the next one is read into the places that become free.

    Memory: `memory_bytes` of activations, the sites together, and 24 bytes a row for the orders.
    All batches have the same size: one that ends an epoch is filled up from the next.
    """

    def __init__(
        self,
        sets: Sequence[ActivationSet],
        rows: Tensor,
        batch: int,
        seed: int,
        *,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        """Raises UserError for no rows, and for sets that aren't of the same tokens."""
        super().__init__(batch)
        if not len(rows):
            raise UserError("There are no activations to draw batches from.")
        check_aligned(sets)
        self._sets = {acts.manifest.site: acts for acts in sets}
        self._rows = rows.numpy()
        self._seed = seed
        row_bytes = sum(acts.d_model * acts.dtype.itemsize for acts in sets)
        self._window_rows = max(1, memory_bytes // row_bytes)
        self._everything_fits = len(rows) <= self._window_rows

    def sample(self, most: int) -> Rows:
        """Up to `most` of the rows, drawn from all over the sets: `[n, d_model]` at every site."""
        generator = torch.Generator().manual_seed(self._seed)
        chosen = torch.randperm(len(self._rows), generator=generator)[:most].sort().values
        return self._read(self._rows[chosen.numpy()])

    def _identity(self) -> dict[str, Any]:
        return {
            "sites": list(self._sets),
            "rows": len(self._rows),
            "batch": self._batch,
            "seed": self._seed,
            "window_rows": self._window_rows,
        }

    def _position(self) -> tuple[int, int, int]:
        """Epoch, window of the epoch, and rows drawn from that window."""
        epoch, place = divmod(self._drawn, len(self._rows))
        return epoch, *divmod(place, self._window_rows)

    def _size(self, number: int) -> int:
        """The rows of window `number` of any epoch."""
        return min(self._window_rows, len(self._rows) - number * self._window_rows)

    def _open(self, progress: Progress) -> Turnover:
        epoch, number, _ = self._position()
        kinds = {name: RowLayout(acts.d_model, acts.dtype) for name, acts in self._sets.items()}
        buffer = RowBuffer(min(self._window_rows, len(self._rows)), kinds)
        turnover = Turnover(buffer, self._windows_from(epoch, number))
        self._begin(turnover, turnover.bring_pool(self._size(number), progress))
        return turnover

    def _turn(self, turnover: Turnover) -> None:
        everything = self._places if self._everything_fits else turnover.arrivals()
        self._begin(turnover, everything)

    def _begin(self, turnover: Turnover, places: Tensor) -> None:
        """Draw the window of the present position, whose rows, ascending, are at `places`."""
        epoch, number, drawn = self._position()
        rng = np.random.default_rng([self._seed, epoch, number + 1])
        order = torch.from_numpy(rng.permutation(len(places)))
        coming = 0 if self._everything_fits else self._size((number + 1) % self._windows())
        self._places = places
        turnover.begin(places[order], drawn, coming, stays=self._everything_fits)

    def _windows(self) -> int:
        """Windows an epoch."""
        return -(-len(self._rows) // self._window_rows)

    def _windows_from(self, epoch: int, number: int) -> Iterator[Rows]:
        """The rows of window after window, in runs of neighbours."""
        for epoch_now in itertools.count(epoch):
            for window in range(number, self._windows()):
                members = self._window_members(epoch_now, window)
                for first in range(0, len(members), BLOCK_ROWS):
                    yield self._read(members[first : first + BLOCK_ROWS])
            number = 0

    def _window_members(self, epoch: int, number: int) -> npt.NDArray[np.int64]:
        blocks = np.array_split(self._rows, range(BLOCK_ROWS, len(self._rows), BLOCK_ROWS))
        order = np.random.default_rng([self._seed, epoch, 0]).permutation(len(blocks))
        shuffled = np.concatenate([blocks[i] for i in order])
        first = number * self._window_rows
        return np.sort(shuffled[first : first + self._window_rows])

    def _read(self, rows: npt.NDArray[np.int64]) -> Rows:
        indices = torch.from_numpy(rows)
        return {name: acts.rows(indices) for name, acts in self._sets.items()}
