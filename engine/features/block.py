"""Rows of an activation set as an SAE's features see them."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from engine.features.peaks import Peaks
from engine.features.stretches import Stretch
from engine.sae.base import SparseAutoencoder

_ELEMENTS = 1 << 24


@dataclass(frozen=True)
class Block:
    """Rows of an activation set, in its order, with the activation of every feature at each."""

    acts: Tensor
    """[rows, features] float32, 0 where a feature is not active."""
    active: Tensor
    """[rows, features] bool: activation above the SAE's `active_threshold`."""
    documents: Tensor
    """[rows] int64."""
    positions: Tensor
    """[rows] int64, within the document."""

    @cached_property
    def peaks(self) -> Peaks:
        """The largest activation of every feature within every document of the block."""
        rows, features = self.active.nonzero(as_tuple=True)
        return Peaks.of(
            features, self.documents[rows], self.positions[rows], self.acts[rows, features]
        )


def rows_per_block(features: int) -> int:
    """How many rows keep one [rows, features] float32 array within 64 MiB."""
    return max(1, _ELEMENTS // features)


@torch.no_grad()
def look(sae: SparseAutoencoder, stretch: Stretch, wanted: Tensor) -> Block:
    """Encode the rows of a stretch for which `wanted` [rows] is true."""
    device = sae.W_dec.device
    acts = sae.encode(stretch.acts[wanted].to(device))
    active = acts > sae.active_threshold
    return Block(
        acts=acts.where(active, 0),
        active=active,
        documents=stretch.documents[wanted].to(device).long(),
        positions=stretch.positions[wanted].to(device).long(),
    )
