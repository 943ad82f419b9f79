"""The columns of a feature table: decoded, written so that they align, and put in order."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.numbers import column_format
from engine.service.protocol import FeatureTable, Note, ranked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLUMNS = (
    Column("id", "id", width=4, align="right", priority=12),
    Column("max", "max", width=6, align="right", priority=10),
    Column("mean", "mean", width=6, align="right", priority=6),
    Column("std", "std", width=6, align="right", priority=2),
    Column("density", "density", width=7, align="right", priority=8),
    Column("count", "count", width=6, align="right", priority=1),
    Column("documents", "docs", width=5, align="right", priority=7),
    Column("selectivity", "select", width=6, align="right", priority=3),
    Column("category", "category", width=8, priority=4),
    Column("star", "★", width=1, priority=9),
    Column("tags", "tags", width=9, fraction=1, priority=5),
    Column("label", "label", width=17, fraction=4, priority=11),
)
"""All that a table may have; `selectivity` and `category` only where documents carry categories."""

NOTED: dict[str, Callable[[Note], str]] = {
    "star": lambda note: "★" if note.starred else "",
    "tags": lambda note: " ".join(note.tags),
    "label": lambda note: note.label,
}
"""Columns that hold what somebody wrote down, and how they are written."""

_ASCENDING = ("id", "category", *NOTED)
"""What is looked through from its beginning; of all other columns the largest come first."""
_DENSITY_DECIMALS = 4
"""One token in ten thousand still shows."""
_WIDEST_CATEGORY = 14


def largest_first(key: str) -> bool:
    """Whether a column is sorted so at first."""
    return key not in _ASCENDING


class FeatureColumns:
    """`values`: column name to array [features]; `columns`: those to show, as wide as needed."""

    def __init__(self, table: FeatureTable) -> None:
        import numpy as np

        self.features = table.features
        self.values: dict[str, NDArray[np.generic]] = {
            name: np.frombuffer(data, dtype=table.dtypes[name])
            for name, data in table.columns.items()
        }
        self._categories = table.categories
        self._writers = {
            name: column_format(
                float(np.nanmax(values, initial=0)),
                at_least=_DENSITY_DECIMALS if name == "density" else 0,
            )
            for name, values in self.values.items()
            if values.dtype.kind == "f"
        }
        self.columns = tuple(
            replace(column, width=max(column.width, self._widest(column.key)))
            for column in COLUMNS
            if column.key in ("id", *NOTED, *self.values)
        )
        self._sorted: tuple[object, NDArray[np.intp]] | None = None

    def cells(self, row: int, note: Note) -> list[str]:
        """The texts of a row, one for every column."""
        return [
            NOTED[column.key](note) if column.key in NOTED else self._text(column.key, row)
            for column in self.columns
        ]

    def row(self, row: int, note: Note) -> dict[str, object]:
        """A row by column name, for other programs."""
        figures = {
            column.key: self._category(row)
            if column.key == "category"
            else self.values[column.key][row].item()
            for column in self.columns
            if column.key in self.values
        }
        return {
            "id": row,
            **figures,
            "starred": note.starred,
            "tags": list(note.tags),
            "label": note.label,
            "note": note.text,
        }

    def order(self, key: str, notes: Mapping[int, Note], *, reverse: bool) -> "NDArray[np.intp]":
        """All features sorted by a column; of equals the lower number first, what has no value
        last. The last order is kept: what is filtered next is in it already."""
        if key in NOTED:
            return self._order_noted(key, notes, reverse=reverse)
        if self._sorted is None or self._sorted[0] != (key, reverse):
            self._sorted = ((key, reverse), ranked(self._ranks(key), largest_first=reverse))
        return self._sorted[1]

    def _ranks(self, key: str) -> "NDArray[np.generic]":
        """What a column is sorted by: [features]."""
        import numpy as np

        if key == "id":
            return np.arange(self.features, dtype=np.uint32)
        if key != "category":
            return self.values[key]
        # A feature of no category has the index -1, which here is the last name.
        by_name = sorted(range(len(self._categories)), key=lambda index: self._categories[index])
        places = np.full(len(by_name) + 1, np.nan, dtype=np.float32)
        places[by_name] = np.arange(len(by_name))
        return np.asarray(places[self.values[key]])

    def _order_noted(
        self, key: str, notes: Mapping[int, Note], *, reverse: bool
    ) -> "NDArray[np.intp]":
        """The features that have such a text, by it, before those that have none."""
        import numpy as np

        write = NOTED[key]
        texts = {id: text for id, note in notes.items() if (text := write(note))}
        named = sorted((id for id in texts if id < self.features), key=lambda id: (texts[id], id))
        first = np.array(named[::-1] if reverse and key != "star" else named, dtype=np.intp)
        rest = np.ones(self.features, dtype=bool)
        rest[first] = False
        return np.concatenate([first, np.flatnonzero(rest)])

    def _text(self, key: str, row: int) -> str:
        if key == "id":
            return str(row)
        if key == "category":
            return self._category(row)
        return self._written(key, float(self.values[key][row]))

    def _category(self, row: int) -> str:
        index = int(self.values["category"][row])
        return self._categories[index] if 0 <= index < len(self._categories) else ""

    def _written(self, key: str, value: float) -> str:
        write = self._writers.get(key)
        return f"{int(value):,}" if write is None else write(value)

    def _widest(self, key: str) -> int:
        import numpy as np

        if key == "id":
            return len(str(self.features - 1))
        if key == "category":
            return min(_WIDEST_CATEGORY, max(map(len, self._categories), default=0))
        if key not in self.values:
            return 0
        return len(self._written(key, float(np.nanmax(self.values[key], initial=0))))
