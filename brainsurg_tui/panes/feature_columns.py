"""The columns of a feature table: decoded, written so that they align, and put in order."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from brainsurg_tui.panes.figures import aligned
from brainsurg_tui.widgets.columns import Column
from engine.service.protocol import FeatureTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLUMNS = (
    Column("id", "id", width=4, align="right", priority=9),
    Column("max", "max", width=6, align="right", priority=8),
    Column("mean", "mean", width=6, align="right", priority=5),
    Column("density", "density", width=7, align="right", priority=6),
    Column("documents", "docs", width=5, align="right", priority=4),
    Column("selectivity", "select", width=6, align="right", priority=3),
    Column("label", "label", width=7, fraction=1, priority=7),
)
"""All that a table may have; `selectivity` only where documents carry categories."""

_DENSITY_DECIMALS = 4
"""One token in ten thousand still shows."""


class FeatureColumns:
    """`values`: column name to array [features]; `columns`: those to show, as wide as needed."""

    def __init__(self, table: FeatureTable) -> None:
        import numpy as np

        self.features = table.features
        self.values: dict[str, NDArray[np.generic]] = {
            name: np.frombuffer(data, dtype=table.dtypes[name])
            for name, data in table.columns.items()
        }
        self._writers = {
            name: aligned(
                float(np.nanmax(values, initial=0)),
                at_least=_DENSITY_DECIMALS if name == "density" else 0,
            )
            for name, values in self.values.items()
            if values.dtype.kind == "f"
        }
        self.columns = tuple(
            replace(column, width=max(column.width, self._widest(column.key)))
            for column in COLUMNS
            if column.key in ("id", "label", *self.values)
        )

    def cells(self, row: int, label: str) -> list[str]:
        """The texts of a row, one for every column; the label is the last."""
        return [*(self._text(column.key, row) for column in self.columns[:-1]), label]

    def row(self, row: int, label: str) -> dict[str, object]:
        """A row by column name, for other programs."""
        figures = {
            column.key: self.values[column.key][row].item()
            for column in self.columns
            if column.key in self.values
        }
        return {"id": row, **figures, "label": label}

    def order(
        self, rows: "NDArray[np.intp]", key: str, labels: Mapping[int, str], *, reverse: bool
    ) -> "NDArray[np.intp]":
        """`rows` sorted by a column; of equals the lower number first, what has no value last."""
        import numpy as np

        if key == "label":
            shown = set(rows.tolist())
            named = sorted(shown & labels.keys(), key=lambda row: (labels[row], row))
            named = named[::-1] if reverse else named
            return np.concatenate([np.array(named, dtype=np.intp), rows[~np.isin(rows, named)]])
        values = self.values[key][rows] if key in self.values else rows
        if not reverse:
            return rows[np.argsort(values, kind="stable")]
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), -np.inf, values)
        # Turned around before and after, so that of equals the lower number stays first.
        return rows[len(rows) - 1 - np.argsort(values[::-1], kind="stable")[::-1]]

    def _text(self, key: str, row: int) -> str:
        return str(row) if key == "id" else self._written(key, float(self.values[key][row]))

    def _written(self, key: str, value: float) -> str:
        write = self._writers.get(key)
        return f"{int(value):,}" if write is None else write(value)

    def _widest(self, key: str) -> int:
        import numpy as np

        if key == "id":
            return len(str(self.features - 1))
        if key not in self.values:
            return 0
        return len(self._written(key, float(np.nanmax(self.values[key], initial=0))))
