"""Features in order (no torch here)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import UserError
from engine.features.catalogue.argsort import ranked

Columns = Mapping[str, NDArray[Any]]
"""Column name to array [features], as in `Catalogue.columns`."""


def order(
    columns: Columns,
    by: str = "max",
    *,
    ascending: bool = False,
    among: NDArray[np.bool_] | None = None,
) -> NDArray[np.intp]:
    """Ids of the features that are alive and `among` the wanted (None: all), by a column.

    `by` is the name of a column, or `activity`: the mean over all tokens, silent ones included,
    which is how the seed's `find_interpretable_features` chose its five. Largest first unless
    `ascending`; equal ones by id. Raises UserError for a column that isn't there.
    """
    values = _sort_key(columns, by)
    wanted = columns["density"] > 0
    if among is not None:
        wanted = wanted & among
    ids = np.flatnonzero(wanted)
    return ids[ranked(values[ids], largest_first=not ascending)]


def _sort_key(columns: Columns, by: str) -> NDArray[Any]:
    if by == "activity":
        return np.asarray(columns["mean"] * columns["density"])
    if by in columns:
        return np.asarray(columns[by])
    if by == "selectivity":
        raise UserError(
            "These features have no selectivity, because the documents carry no categories.",
            "Capture prompts of two or more categories and scan again.",
        )
    raise UserError(
        f"Features can't be ordered by {by!r}.",
        f"Choose one of {', '.join([*columns, 'activity'])}.",
    )
