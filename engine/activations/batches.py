"""Training rows in random order: the split by document, and endless shuffled batches."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.activations.store import ActivationSet
from engine.errors import UserError

MEMORY_BYTES = 2 << 30
BLOCK_ROWS = 256


def split_documents(acts: ActivationSet, held_out: float, seed: int) -> tuple[Tensor, Tensor]:
    """The rows to train on and those held out for evaluation: two int64 tensors, ascending.

    Whole documents are held out, drawn at random until they hold at least the share `held_out`
    (0 to 1) of the tokens, so that no text is on both sides; one document always stays to train on.
    BOS is on neither side: models use it as an attention sink, and its activation, the same in
    every text, is so large that it would rule the loss (Xiao et al. 2023; Sun et al. 2024).
    Raises UserError when there is no second document to hold out.
    """
    documents = acts.manifest.documents
    document_of = np.repeat(np.arange(documents), acts.document_bounds.diff().numpy())
    taken = _without_bos(acts)
    tokens = np.bincount(document_of[taken], minlength=documents)
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
    is_held = held[document_of]
    train, held_rows = np.flatnonzero(taken & ~is_held), np.flatnonzero(taken & is_held)
    return torch.from_numpy(train), torch.from_numpy(held_rows)


def _without_bos(acts: ActivationSet) -> npt.NDArray[np.bool_]:
    """[tokens]: whether the token is another than BOS."""
    bos = acts.manifest.bos_token_id
    return np.concatenate([shard.token_ids.numpy() != bos for shard in acts.shards()])


class ShuffledBatches:
    """Endless batches `[batch, d_model]` of some rows of a set: every row once an epoch, shuffled.

    The order depends on the seed and the epoch alone. Rows that fit in `memory_bytes` are read once
    and permuted uniformly. More rows than that are drawn through windows of `memory_bytes`: the
    epoch's rows are cut into blocks of 256 neighbours (so that disks read runs, not single rows),
    the blocks are permuted, and each window of blocks from all over the set is permuted by row.

    Memory: `memory_bytes` of activations, and 24 bytes a row for the orders.
    All batches have the same size: one that ends an epoch is filled up from the next.
    """

    def __init__(
        self,
        acts: ActivationSet,
        rows: Tensor,
        batch: int,
        seed: int,
        *,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        if not len(rows):
            raise UserError("There are no activations to draw batches from.")
        self._acts = acts
        self._rows = rows.numpy()
        self._batch = batch
        self._seed = seed
        self._window_rows = max(1, memory_bytes // (acts.d_model * acts.dtype.itemsize))
        self._drawn = 0
        self._loaded: tuple[int, int] | None = None
        self._window = torch.empty(0)
        self._order = torch.empty(0, dtype=torch.int64)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Tensor:
        parts = []
        missing = self._batch
        while missing:
            part = self._next_rows(missing)
            parts.append(part)
            missing -= len(part)
        return torch.cat(parts)

    def state_dict(self) -> dict[str, int]:
        """The position in the stream: `load_state_dict` goes on with the very next batch."""
        return self._identity() | {"drawn": self._drawn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        Raises UserError if it was taken from batches of other rows, size, seed or memory.
        """
        for name, value in self._identity().items():
            if state[name] != value:
                raise UserError(
                    f"The stream of activations was saved with {name} {state[name]}, not {value}.",
                    "Resume with the same activations and settings.",
                )
        self._drawn = state["drawn"]

    def _identity(self) -> dict[str, int]:
        return {
            "rows": len(self._rows),
            "batch": self._batch,
            "seed": self._seed,
            "window_rows": self._window_rows,
        }

    def _next_rows(self, most: int) -> Tensor:
        """Up to `most` next rows, no further than the end of their window."""
        epoch, place = divmod(self._drawn, len(self._rows))
        number, first = divmod(place, self._window_rows)
        self._load(epoch, number)
        part = self._window.index_select(0, self._order[first : first + most])
        self._drawn += len(part)
        return part

    def _load(self, epoch: int, number: int) -> None:
        """Bring window `number` of an epoch into memory, and the order to draw its rows in."""
        if self._loaded == (epoch, number):
            return
        everything_fits = len(self._rows) <= self._window_rows
        if not (everything_fits and self._loaded):
            self._window = torch.empty(0)  # let go of the old window before making room for the new
            self._window = self._read(self._window_members(epoch, number))
        order = np.random.default_rng([self._seed, epoch, number + 1]).permutation(
            len(self._window)
        )
        self._order = torch.from_numpy(order)
        self._loaded = (epoch, number)

    def _window_members(self, epoch: int, number: int) -> npt.NDArray[np.int64]:
        blocks = np.array_split(self._rows, range(BLOCK_ROWS, len(self._rows), BLOCK_ROWS))
        order = np.random.default_rng([self._seed, epoch, 0]).permutation(len(blocks))
        shuffled = np.concatenate([blocks[i] for i in order])
        first = number * self._window_rows
        return np.sort(shuffled[first : first + self._window_rows])

    def _read(self, rows: npt.NDArray[np.int64]) -> Tensor:
        window = torch.empty(len(rows), self._acts.d_model, dtype=self._acts.dtype)
        for first in range(0, len(rows), BLOCK_ROWS):
            part = torch.from_numpy(rows[first : first + BLOCK_ROWS])
            window[first : first + len(part)] = self._acts.rows(part)
        return window
