"""The columns of a feature table: decoded, written so that they align, and put in order."""

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.numbers import column_format
from engine.service.protocol import FeatureTable, Note, TableColumn, argsort, table_columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KEYS = {"starred": "star", "tag": "tags"}
"""What columns of notes are called here and in stored settings; all others by their names."""
_WIDTHS = {"id": 4, "documents": 5, "category": 8, "starred": 1, "tag": 9, "label": 17}
_WIDTH = 6
"""Cells for a column that isn't in `_WIDTHS`, or as many as its title takes."""
_FRACTIONS = {"tag": 1, "label": 4}
"""Shares of the cells that are left over."""
_WIDEST_CATEGORY = 14


def shown_columns(present: Container[str]) -> dict[str, TableColumn]:
    """The columns of a table whose arrays are `present`, by their keys here: these, the number of
    the feature, and what the user wrote down."""
    return {
        _KEYS.get(column.name, column.name): column
        for column in table_columns()
        if column.in_tables and (column.name == "id" or column.texts or column.name in present)
    }


def columns_before_any_table() -> tuple[Column, ...]:
    """The columns that every scan has."""
    every = {column.name for column in table_columns() if not column.needs_categories}
    return tuple(_cells(key, column) for key, column in shown_columns(every).items())


def largest_first(key: str) -> bool:
    """Whether a column is sorted so at first, and not from its beginning."""
    return any(_KEYS.get(c.name, c.name) == key and c.largest_first for c in table_columns())


def _cells(key: str, column: TableColumn, widest: int = 0) -> Column:
    """A column as the table draws it, `widest` cells wide if its values need as many."""
    return Column(
        key,
        column.title,
        width=max(_WIDTHS.get(column.name, max(_WIDTH, len(column.title))), widest),
        fraction=_FRACTIONS.get(column.name, 0),
        align="left" if column.texts or column.kind == "category" else "right",
        priority=column.importance,
    )


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
        self._shown = shown_columns(self.values)
        self._writers = {
            key: column_format(float(np.nanmax(values, initial=0)), at_least=column.decimals)
            for key, column in self._shown.items()
            if (values := self.values.get(key)) is not None and values.dtype.kind == "f"
        }
        self.columns = tuple(
            _cells(key, column, self._widest(key)) for key, column in self._shown.items()
        )
        self._sorted: tuple[object, NDArray[np.intp]] | None = None

    def cells(self, row: int, note: Note) -> list[str]:
        """The texts of a row, one for every column."""
        return [
            " ".join(column.texts(note)) if column.texts else self._text(key, row)
            for key, column in self._shown.items()
        ]

    def row(self, row: int, note: Note) -> dict[str, object]:
        """A row by column name, for other programs."""
        figures = {
            key: self._category(row) if key == "category" else self.values[key][row].item()
            for key in self._shown
            if key in self.values
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
        if self._shown[key].texts:
            return self._order_by_note(self._shown[key], notes, reverse=reverse)
        if self._sorted is None or self._sorted[0] != (key, reverse):
            self._sorted = ((key, reverse), argsort(self._ranks(key), largest_first=reverse))
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

    def _order_by_note(
        self, column: TableColumn, notes: Mapping[int, Note], *, reverse: bool
    ) -> "NDArray[np.intp]":
        """The features that have such a text, by it, before those that have none."""
        import numpy as np

        assert column.texts is not None
        texts = {id: text for id, note in notes.items() if (text := " ".join(column.texts(note)))}
        named = sorted((id for id in texts if id < self.features), key=lambda id: (texts[id], id))
        turned = reverse and column.kind != "flag"  # all flags are the same text
        first = np.array(named[::-1] if turned else named, dtype=np.intp)
        rest = np.ones(self.features, dtype=bool)
        rest[first] = False
        return np.concatenate([first, np.flatnonzero(rest)])

    def _text(self, key: str, row: int) -> str:
        if key == "id":
            return str(row)
        if key == "category":
            return self._category(row)
        return self._format(key, float(self.values[key][row]))

    def _category(self, row: int) -> str:
        index = int(self.values["category"][row])
        return self._categories[index] if 0 <= index < len(self._categories) else ""

    def _format(self, key: str, value: float) -> str:
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
        return len(self._format(key, float(np.nanmax(self.values[key], initial=0))))
