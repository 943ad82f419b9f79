"""The edit as the running model sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.interventions.delta import ResolvedEdit, delta
from engine.sae.architectures.base import SparseAutoencoder


@dataclass(frozen=True)
class PositionMask:
    """Which token positions an edit may touch: from `first` to before `end`, and never BOS,
    nor another token that the tokenizer puts before a text.

    Models park huge activations on the beginning-of-sequence token and read them from everywhere,
    so that an edit there is an edit of everything; features mean nothing on it either.
    """

    first: int
    end: int | None
    """None: to the end of whatever is generated."""
    bos: frozenset[int]
    """Positions of the tokens that stand before a text."""

    def at(self, positions: Tensor) -> Tensor:
        """[tokens] bool for absolute positions [tokens]."""
        mask = positions >= self.first
        if self.end is not None:
            mask &= positions < self.end
        for position in self.bos:
            mask &= positions != position
        return mask


class Steering:
    """An edit for `engine.model.edit`: adds to x what edits of features make of it.

    Row b of a batch gets the edits `rows[b]`. All rows must hold the same x, as they do when a
    model reads one text in every row: nothing below the edited site differs, so x is encoded once.
    """

    def __init__(
        self, sae: SparseAutoencoder, rows: Sequence[Sequence[ResolvedEdit]], mask: PositionMask
    ) -> None:
        self._sae = sae
        self._rows = rows
        self._mask = mask

    @torch.no_grad()
    def __call__(self, x: Tensor, positions: Tensor) -> Tensor:
        """x [batch, tokens, d_model] and absolute positions [tokens] to x', in x's dtype."""
        read = x[0].to(self._sae.W_dec.device)
        z = self._sae.encode(read)
        added = torch.stack([delta(self._sae, read, z, edits) for edits in self._rows])
        edited = (x.float() + added.to(x.device)).to(x.dtype)
        return torch.where(self._mask.at(positions).to(x.device)[:, None], edited, x)
