"""Measured figures, some of which come out as no finite number (torch-free).

JSON has no infinity and no NaN: msgspec writes null for both, into the database, metadata and what
`--json` prints. So a figure that has been stored, or sent, is a finite number or None.
"""

import math
from collections.abc import Mapping

Figure = float | None
"""A measured figure; None where it isn't known, or is no finite number."""


def finite(value: Figure) -> Figure:
    """`value`, or None where it is no finite number."""
    return value if value is not None and math.isfinite(value) else None


def finite_figures(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    """Figures by name, with None for those that are no finite number."""
    return {name: finite(value) for name, value in figures.items()}
