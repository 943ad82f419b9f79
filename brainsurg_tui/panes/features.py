"""Pane 2: every feature of the SAE, a line each."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message

from brainsurg_tui import next_steps
from brainsurg_tui.actions import bindings
from brainsurg_tui.exports import Export, table_files
from brainsurg_tui.panes.feature_filter import features_matching
from brainsurg_tui.panes.figures import aligned
from brainsurg_tui.panes.table_pane import TablePane
from brainsurg_tui.settings import Sorting
from brainsurg_tui.state import State
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable
from engine.service.protocol import FeatureTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_DENSITY_DECIMALS = 4
"""One token in ten thousand still shows."""


class FeatureRows(LineTable, inherit_bindings=False):
    """A line table in which `l` is left to the pane, for labelling; → still moves right."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "pan(1)", binding.description, show=False, id=binding.id)
        if isinstance(binding, Binding) and binding.id == "table.right"
        else binding
        for binding in LineTable.BINDINGS
    ]


class FeaturesPane(TablePane):
    """The feature catalogue: sort it, filter it, name what is in it."""

    heading = "Features"
    BINDINGS: ClassVar[list[BindingType]] = bindings("features")
    columns = (
        Column("id", "id", width=4, align="right", priority=9),
        Column("max", "max", width=6, align="right", priority=8),
        Column("mean", "mean", width=6, align="right", priority=5),
        Column("density", "density", width=7, align="right", priority=6),
        Column("documents", "docs", width=5, align="right", priority=4),
        Column("label", "label", width=7, fraction=1, priority=7),
    )

    @dataclass
    class Chosen(Message):
        """The cursor came to a feature."""

        feature: int

        def can_replace(self, message: Message) -> bool:
            """Only the last of several waiting moves counts."""
            return isinstance(message, FeaturesPane.Chosen)

    class Opened(Message):
        """The user wants to see the feature's snippets."""

    @dataclass
    class Label(Message):
        """The user wants to name a feature."""

        feature: int

    def __init__(self, name: str, *, ascii_only: bool = False) -> None:
        super().__init__(name, ascii_only=ascii_only)
        self._shown: FeatureTable | None = None
        self._values: dict[str, NDArray[np.generic]] = {}
        self.table.sort_key, self.table.reverse = "max", True

    def make_table(self) -> LineTable:
        """The table, with `l` free."""
        return FeatureRows(*self.columns, ascii_only=self.ascii_only)

    def show(self, state: State) -> None:
        """Show the feature table; its columns are decoded when it is another one."""
        self.state = state
        table = state.table
        self.title_line.subject = state.sae or ""
        self.table.empty_text = next_steps.for_features(state)
        shown, self._shown = self._shown, table
        if _columns(table) != _columns(shown):
            self._decode(table)
        elif table is not shown:  # only labels changed: cursor and marks stay
            self.resort()
        if state.feature is not None and state.feature != self.table.row:
            self.table.select(state.feature)

    def _decode(self, table: FeatureTable | None) -> None:
        self.table.marked.clear()
        self._values = {}
        if table is None:
            self.set_rows(0, lambda row: ())
            return
        import numpy as np

        self._values = {
            name: np.frombuffer(data, dtype=table.dtypes[name])
            for name, data in table.columns.items()
        }
        largest = {name: values.max(initial=0) for name, values in self._values.items()}
        writers = {
            name: aligned(
                float(largest[name]), at_least=_DENSITY_DECIMALS if name == "density" else 0
            )
            for name, values in self._values.items()
            if values.dtype.kind == "f"
        }
        texts = {name: writers.get(name, _whole)(value) for name, value in largest.items()}
        texts["id"] = str(table.features - 1)
        self.table.columns = tuple(
            replace(column, width=max(column.width, len(texts.get(column.key, ""))))
            for column in self.columns
        )

        def cells(row: int) -> list[str]:
            texts = []
            for column in self.columns:
                values = self._values.get(column.key)
                if column.key == "id":
                    texts.append(str(row))
                elif column.key == "label":
                    texts.append(self.state.label(row))
                elif values is None:
                    texts.append("")
                else:
                    texts.append(writers.get(column.key, _whole)(float(values[row])))
            return texts

        self.set_rows(table.features, cells)

    # Order and filter

    def ordered(self, count: int) -> "NDArray[np.integer] | None":
        """The features that the filter lets through, sorted; of equals the lower number first."""
        if not count:
            return None
        import numpy as np

        mask = features_matching(self.pattern, self._values, self.state.labels(), count)
        kept = np.flatnonzero(mask)
        key = self.table.sort_key or "id"
        if key == "label":
            names = np.array([self.state.label(int(row)) or "\uffff" for row in kept])
            order = np.argsort(names, kind="stable")
        elif key in self._values:
            values = self._values[key][kept]
            # Turned around before and after, so that of equals the lower number stays first.
            backwards = len(kept) - 1 - np.argsort(values[::-1], kind="stable")[::-1]
            order = backwards if self.table.reverse else np.argsort(values, kind="stable")
            return kept[order]
        else:
            order = np.arange(len(kept))
        return kept[order[::-1] if self.table.reverse else order]

    def resort(self) -> None:
        """Bring the rows into the order that is asked for."""
        self.table.order = self.ordered(self._total)
        self.count_shown()

    def figures(self) -> str:
        """Count and order."""
        if not self._total:
            return ""
        arrow = "▲▼"[self.table.reverse]
        return f"{super().figures()} · {self.table.sort_key} {arrow}"

    def restore(self, sorting: Sorting) -> None:
        """Order and filter as they were."""
        super().restore(sorting)
        if sorting.column in {column.key for column in self.columns}:
            self.table.sort_key, self.table.reverse = sorting.column, sorting.reverse

    def action_sort_right(self) -> None:
        """Sort by the next column."""
        self._sort(1)

    def action_sort_left(self) -> None:
        """Sort by the column before."""
        self._sort(-1)

    def _sort(self, step: int) -> None:
        keys = [column.key for column in self.columns]
        place = keys.index(self.table.sort_key or "id")
        self.table.sort_key = keys[(place + step) % len(keys)]
        self.table.reverse = self.table.sort_key not in ("id", "label")
        self.resort()

    def action_reverse(self) -> None:
        """Turn the order around."""
        self.table.reverse = not self.table.reverse
        self.resort()

    # Features

    @on(LineTable.Highlighted)
    def _choose(self, event: LineTable.Highlighted) -> None:
        event.stop()
        self.post_message(self.Chosen(event.row))

    @on(LineTable.Opened)
    def _open(self, event: LineTable.Opened) -> None:
        event.stop()
        self.post_message(self.Opened())

    def action_label(self) -> None:
        """Name the feature under the cursor."""
        if self.table.row is not None:
            self.post_message(self.Label(self.table.row))

    def wanted(self) -> list[int]:
        """The marked features, or the one under the cursor."""
        if self.table.marked:
            return sorted(self.table.marked)
        return [] if self.table.row is None else [self.table.row]

    def row_text(self, row: int) -> str:
        """The figures of a feature and its label."""
        figures = [
            f"{name} {float(values[row]):.6g}" for name, values in sorted(self._values.items())
        ]
        return "\t".join([f"feature {row}", *figures, self.state.label(row)]).rstrip()

    def exported(self) -> list[Export]:
        """The rows as they are filtered and sorted, as CSV and JSON."""
        if self._shown is None:
            return []
        names = [column.key for column in self.columns if column.key in self._values]
        rows = [
            {
                "id": row,
                **{name: self._values[name][row].item() for name in names},
                "label": self.state.label(row),
            }
            for row in self.shown_rows()
        ]
        return table_files(f"features-{self._shown.sae}", rows)


def _columns(table: FeatureTable | None) -> dict[str, bytes] | None:
    return None if table is None else table.columns


def _whole(value: float) -> str:
    return f"{int(value):,}"
