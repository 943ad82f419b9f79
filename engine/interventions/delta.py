"""What an edit adds to an activation: x' = x + Σ_i (z'_i - z_i) · W_dec[i] · gain(x).

In this form the part of x that the SAE doesn't reconstruct is kept: nothing is replaced by its
reconstruction, only the difference that the edit makes is added. A transcoder's is added to what it
predicts, y' = y + Σ_i (z'_i - z_i) · W_dec[i], where z is of what it reads; what a skip connection
gives is the same before and after.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.interventions.operations import find_operation
from engine.interventions.spec import FeatureEdit
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.blocks import rows_per_block


@dataclass(frozen=True)
class ResolvedEdit:
    """An edit whose unit is worked out: `amount` is an activation, or a factor to scale by."""

    feature: int
    operation: str
    """Name of an `Operation`."""
    amount: float
    direction: Tensor | None = field(default=None, compare=False)
    """[d_out], float32: added in place of the feature's row of W_dec; None: that row."""
    where_silent: bool = False
    """Edit only those tokens where the feature isn't active."""

    @classmethod
    def of(cls, edit: FeatureEdit, maximum: float) -> "ResolvedEdit":
        """`maximum` is the feature's M over the corpus."""
        in_maxima = edit.unit == "max" and find_operation(edit.operation).has_unit
        return cls(edit.feature, edit.operation, edit.value * (maximum if in_maxima else 1.0))

    def apply(self, z: Tensor, threshold: float = 0.0) -> Tensor:
        """The feature's new activation z' for its present one z, of any shape.

        Above `threshold` it is active.
        """
        changed = find_operation(self.operation).apply(z, self.amount)
        return torch.where(z > threshold, z, changed) if self.where_silent else changed


def resolve_edits(edits: Sequence[FeatureEdit], maxima: Sequence[float]) -> list[ResolvedEdit]:
    """The edits with their units worked out; `maxima` are the M of their features, in order."""
    return [ResolvedEdit.of(edit, maximum) for edit, maximum in zip(edits, maxima, strict=True)]


def apply_edits(z: Tensor, edits: Sequence[ResolvedEdit]) -> Tensor:
    """z' [..., d_sae]: a copy of z with the edits made."""
    z = z.clone()
    for edit in edits:
        z[..., edit.feature] = edit.apply(z[..., edit.feature])
    return z


@torch.no_grad()
def acts_of(sae: SparseAutoencoder, x: Tensor, features: Sequence[int]) -> Tensor:
    """The acts [tokens, features] of some features for x [tokens, d_in].

    Memory: blocks of 64 MiB.
    """
    blocks = torch.split(x, rows_per_block(sae.config.d_sae))
    return torch.cat([sae.encode(block)[:, list(features)] for block in blocks])


def delta(sae: SparseAutoencoder, x: Tensor, acts: Tensor, edits: Sequence[ResolvedEdit]) -> Tensor:
    """decode(z', x) - decode(z, x) [..., d_out] for x [..., d_in]; `acts` [..., edits] are those of
    z that the edits change, in their order.

    By the rows of W_dec that differ: exactly 0 where the edits leave z as it is. An edit with a
    direction of its own adds that, as often as it would have added its feature's.
    """
    after = torch.empty_like(acts)
    for column, edit in enumerate(edits):
        after[..., column] = edit.apply(acts[..., column], sae.active_threshold)
    rows = sae.W_dec[[edit.feature for edit in edits]]
    for row, edit in enumerate(edits):
        if edit.direction is not None:
            rows[row] = edit.direction.to(rows)
    return (after - acts) @ rows * sae.decoder_gain(x)
