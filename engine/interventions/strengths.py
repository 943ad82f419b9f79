"""Strengths of an edit that a curve is drawn along (no torch here)."""

from collections.abc import Sequence

import msgspec

from engine.errors import UserError
from engine.interventions.operations import find_operation
from engine.interventions.spec import FeatureEdit

MOST = 50
"""Strengths of a curve."""
STRONGEST = 1000.0

USUAL_STRENGTHS = (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


def edits_at(edits: Sequence[FeatureEdit], strength: float) -> list[FeatureEdit]:
    """The edits with another strength. UserError for an operation that has none."""
    changed = []
    for edit in edits:
        operation = find_operation(edit.operation)
        if operation.takes == "nothing":
            raise UserError(
                f"To {operation.name} a feature there is but one strength.",
                "Clamp it, scale it or add to it, or leave the strengths out.",
            )
        unit = "max" if operation.has_unit else edit.unit
        changed.append(msgspec.structs.replace(edit, value=strength, unit=unit))
    return changed


def check_strengths(strengths: Sequence[float], edits: Sequence[FeatureEdit]) -> None:
    """Raise UserError for strengths that the edits can't be given."""
    if len(strengths) > MOST:
        raise UserError(f"A curve has at most {MOST} strengths.", "Name fewer.")
    for strength in strengths:
        if not abs(strength) <= STRONGEST:  # NaN is refused, too
            raise UserError(
                f"{strength} can't be a strength.",
                f"Give numbers from {-STRONGEST:g} to {STRONGEST:g}.",
            )
        edits_at(edits, strength)


def first_where(strengths: Sequence[float], holds: Sequence[bool]) -> float | None:
    """The smallest strength above 0 at which something holds; None if there is none."""
    places = zip(strengths, holds, strict=True)
    return min((strength for strength, so in places if so and strength > 0), default=None)
