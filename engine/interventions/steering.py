"""The edit as the running model sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.activations.store.norms import row_norms
from engine.interventions.delta import ResolvedEdit, acts_of, delta
from engine.sae.architectures.base import SparseAutoencoder


@dataclass(frozen=True)
class PositionMask:
    """Which tokens of a text an edit may touch: from `first` to before `end`, but never BOS or
    another token that the tokenizer puts before a text, and never an attention sink.

    Models park huge activations on the beginning of a sequence, or on other tokens without meaning,
    and read them from everywhere, so that an edit there is an edit of everything; features mean
    nothing on them either.
    """

    first: int
    end: int | None
    """None: to the end of whatever is generated."""
    starts: frozenset[int]
    """Positions of the tokens that stand before a text."""
    max_norm: float | None = None
    """A token whose activation is longer than this is a sink, see
    `engine.activations.store.row_kinds`; None: none is known to be one."""
    not_given: frozenset[int] = frozenset()
    """Positions of tokens, written ones too, that the SAE isn't to be given, see
    `engine.sae.formats.input_rule`."""
    target_max_norm: float | None = None
    """`max_norm` of what a transcoder predicts: its sinks are left alone, too."""

    def at(self, positions: Tensor, x: Tensor, y: Tensor | None = None) -> Tensor:
        """[...] bool for absolute positions [...], -1 on padding, and activations as they are
        without the edit: x [..., d_in] that the SAE reads, y [..., d_out] that it writes into."""
        left_out = self.is_start(positions) | self.is_sink(x, y) | self.is_not_given(positions)
        return self.within(positions) & ~left_out

    def within(self, positions: Tensor) -> Tensor:
        """[...] bool: which positions were asked for, whatever stands there."""
        mask = positions >= self.first
        return mask if self.end is None else mask & (positions < self.end)

    def is_start(self, positions: Tensor) -> Tensor:
        """[...] bool: where a token stands before the text."""
        return _is_one_of(positions, self.starts)

    def is_not_given(self, positions: Tensor) -> Tensor:
        """[...] bool: where a token stands that the SAE isn't to be given."""
        return _is_one_of(positions, self.not_given)

    def is_sink(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """[...] bool: which of x [..., d_in] are longer than `max_norm`, or what is written into
        there, y [..., d_out], than `target_max_norm`."""
        sinks = torch.zeros(x.shape[:-1], dtype=torch.bool, device=x.device)
        if self.max_norm is not None:
            sinks |= row_norms(x) > self.max_norm
        if self.target_max_norm is not None and y is not None:
            sinks |= (row_norms(y) > self.target_max_norm).to(x.device)
        return sinks


def _is_one_of(positions: Tensor, places: frozenset[int]) -> Tensor:
    wanted = torch.tensor(sorted(places), dtype=positions.dtype, device=positions.device)
    return torch.isin(positions, wanted)


class Steering:
    """For `engine.model.edit`: adds what edits of features make of x to what they write into, x
    itself but for a transcoder.

    Row b of a batch gets the edits `rows[b]` where `masks[b]` lets them.
    """

    def __init__(
        self,
        sae: SparseAutoencoder,
        rows: Sequence[Sequence[ResolvedEdit]],
        masks: Sequence[PositionMask],
    ) -> None:
        self._sae = sae
        self._rows = rows
        self._masks = masks

    @torch.no_grad()
    def __call__(self, x: Tensor, y: Tensor, positions: Tensor) -> Tensor:
        """x [batch, tokens, d_in], that y [batch, tokens, d_out] and absolute positions [batch,
        tokens] to y', in y's dtype.

        A batch of one becomes as many rows as there are: it is encoded once for all of them.
        """
        sae = self._sae
        changed = [row for row, edits in enumerate(self._rows) if edits]
        features = sorted({edit.feature for edits in self._rows for edit in edits})
        column = {feature: place for place, feature in enumerate(features)}
        shared = len(x) == 1
        read = (x if shared else x[changed]).to(sae.W_dec.device)
        acts = acts_of(sae, read.flatten(0, 1), features).view(*read.shape[:2], -1)
        result = y.expand(len(self._rows), -1, -1).clone()
        for place, row in enumerate(changed):
            source, edits = (0 if shared else place), self._rows[row]
            before = acts[source][:, [column[edit.feature] for edit in edits]]
            added = delta(sae, read[source], before, edits).to(y.device)
            here = 0 if shared else row
            edited = (y[here].float() + added).to(y.dtype)
            touched = self._masks[row].at(positions[here].to(x.device), x[here], y[here])
            result[row] = torch.where(touched.to(y.device)[:, None], edited, y[here])
        return result
