"""What an edit adds to an activation: x' = x + Σ_i (z'_i - z_i) · W_dec[i] · gain(x).

In this form the part of x that the SAE doesn't reconstruct is kept: nothing is replaced by its
reconstruction, only the difference that the edit makes is added.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.interventions.spec import FeatureEdit, Operation
from engine.sae.architectures.base import SparseAutoencoder


@dataclass(frozen=True)
class ResolvedEdit:
    """An edit whose unit is worked out: `amount` is an activation, or a factor to scale by."""

    feature: int
    operation: Operation
    amount: float

    @classmethod
    def of(cls, edit: FeatureEdit, maximum: float) -> "ResolvedEdit":
        """`maximum` is the feature's M over the corpus."""
        in_maxima = edit.unit == "max" and edit.operation in ("clamp", "add")
        return cls(edit.feature, edit.operation, edit.value * (maximum if in_maxima else 1.0))

    def applied(self, z: Tensor) -> Tensor:
        """The feature's new activation z' for its present one z, of any shape."""
        match self.operation:
            case "clamp":
                return torch.full_like(z, self.amount)
            case "ablate":
                return torch.zeros_like(z)
            case "scale":
                return z * self.amount
            case "add":
                return z + self.amount


def resolve_edits(edits: Sequence[FeatureEdit], maxima: Sequence[float]) -> list[ResolvedEdit]:
    """The edits with their units worked out; `maxima` are the M of their features, in order."""
    return [ResolvedEdit.of(edit, maximum) for edit, maximum in zip(edits, maxima, strict=True)]


def apply_edits(z: Tensor, changes: Sequence[ResolvedEdit]) -> Tensor:
    """z' [..., d_sae]: a copy of z with the changes made."""
    z = z.clone()
    for change in changes:
        z[..., change.feature] = change.applied(z[..., change.feature])
    return z


def delta(sae: SparseAutoencoder, x: Tensor, z: Tensor, changes: Sequence[ResolvedEdit]) -> Tensor:
    """decode(z', x) - decode(z, x) [..., d_in] for x [..., d_in] and its acts z [..., d_sae].

    By the rows of W_dec that differ: exactly 0 where the changes leave z as it is.
    """
    features = [change.feature for change in changes]
    before = z[..., features]
    after = torch.empty_like(before)
    for column, change in enumerate(changes):
        after[..., column] = change.applied(before[..., column])
    return (after - before) @ sae.W_dec[features] * sae.decoder_gain(x)
