"""Rows of an activation set as an SAE's features see them: only what is active."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from engine.features.peaks import Peaks
from engine.sae.kernels.choose import kernels_for


@dataclass(frozen=True)
class Block:
    """Some rows of an activation set, in its order, and the (feature, row) pairs that are active.

    The pairs are sorted by feature, then by row. All that is known of a feature is summed up from
    them: their number is rows · l0, which is a small part of rows · features.
    """

    documents: Tensor
    """[rows] int64."""
    positions: Tensor
    """[rows] int64, within the document."""
    features: Tensor
    """[pairs] int64."""
    rows: Tensor
    """[pairs] int64, from 0 in this block."""
    values: Tensor
    """[pairs] float32: the activations."""

    @classmethod
    def of(cls, acts: Tensor, threshold: float, documents: Tensor, positions: Tensor) -> Self:
        """acts [rows, features], active where above `threshold`; [rows] each of the others."""
        kernels = kernels_for(acts)
        least = acts.new_tensor(threshold).nextafter(acts.new_tensor(torch.inf))
        support, values = kernels.select_above(acts, least.expand(acts.shape[1]))
        pairs = kernels.by_feature(support, acts.shape[1])
        features = torch.arange(acts.shape[1], device=acts.device)
        return cls(
            documents=documents.long(),
            positions=positions.long(),
            features=features.repeat_interleave(pairs.starts.diff()),
            rows=pairs.vectors.long(),
            values=values[pairs.entries.long()],
        )

    @cached_property
    def peaks(self) -> Peaks:
        """The largest activation of every feature within every document of the block."""
        return Peaks.of(
            self.features, self.documents[self.rows], self.positions[self.rows], self.values
        )


def sums_by_feature(features: Tensor, values: Tensor, count: int) -> Tensor:
    """Σ of values [pairs] for each of `count` features: [count] float64.

    `features` [pairs] are sorted. Terms are added in their order, on a GPU too, so that the same
    scan gives the same bytes.
    """
    lengths = features.bincount(minlength=count)
    sums: Tensor = torch.segment_reduce(values.double(), "sum", lengths=lengths, initial=0.0)
    return sums
