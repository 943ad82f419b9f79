"""Features in order (no torch here)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import UserError
from engine.features.catalogue.argsort import argsort
from engine.features.columns import FIGURES, Columns, find_column, table_columns


def order(
    columns: Columns,
    by: str = "max",
    *,
    ascending: bool = False,
    among: NDArray[np.bool_] | None = None,
) -> NDArray[np.intp]:
    """Ids of the features that are alive and `among` the wanted (None: all), by a column.

    `by` names an array of the catalogue, or a column of kind `order`, such as `activity`: the mean
    over all tokens, inactive ones included, which is how the seed's `find_interpretable_features`
    chose its five. Largest first unless `ascending`; equal ones by id. Raises UserError for a
    column that isn't there.
    """
    values = _sort_key(columns, by)
    wanted = columns["density"] > 0
    if among is not None:
        wanted = wanted & among
    ids = np.flatnonzero(wanted)
    return ids[argsort(values[ids], largest_first=not ascending)]


def _sort_key(columns: Columns, by: str) -> NDArray[Any]:
    if by in columns:
        return np.asarray(columns[by])
    column = find_column(by)
    if column is not None and column.kind == "order" and column.compute is not None:
        return np.asarray(column.compute(columns))
    if column is not None and column.needs_categories:
        raise UserError(
            f"These features have no {column.name}, because the documents carry no categories.",
            "Capture prompts of two or more categories and scan again.",
        )
    if column is not None and column.kind in FIGURES:  # an older scan's catalogue
        raise UserError(f"These features have no {column.name}.", "Scan the SAE again.")
    known = [*columns, *(column.name for column in table_columns("order"))]
    raise UserError(f"Features can't be ordered by {by!r}.", f"Choose one of {', '.join(known)}.")
