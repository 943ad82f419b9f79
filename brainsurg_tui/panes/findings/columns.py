"""The columns of what was found, for each way of searching: titles, figures and their order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from brainsurg_tui.state.search_results import SearchResults
from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import Cells
from brainsurg_tui.widgets.numbers import column_format
from brainsurg_tui.widgets.visible import token_name
from engine.service.protocol import Contrast, Firing, FiringFeature, GrepReport, ProbeResult

Value = float | int | str | None


@dataclass(frozen=True)
class ResultColumn:
    """A column, and where its values come from."""

    column: Column
    value: Callable[[Any], Value]
    decimals: int = 0
    """At least so many."""


def _number_column(
    title: str, width: int, priority: int, value: Callable[[Any], Value], decimals: int = 0
) -> ResultColumn:
    key = title.replace(" ", "_").lower()
    column = Column(key, title, width=width, align="right", priority=priority)
    return ResultColumn(column, value, decimals)


_ID = _number_column("id", 6, 9, lambda found: found.id)
_LABEL = ResultColumn(
    Column("label", "label", width=12, fraction=1, priority=8), lambda found: found.label
)


def _firing(firing: Firing) -> list[ResultColumn]:
    def token(found: FiringFeature) -> str:
        return token_name(firing.tokens[found.peak])

    return [
        _ID,
        _number_column("max", 7, 7, lambda found: max(found.activations, default=0.0)),
        ResultColumn(Column("token", "at token", width=10, priority=3), token),
        _number_column("attribution", 11, 5, lambda found: found.attribution),
        _number_column("effect", 8, 6, lambda found: found.effect),
        _number_column("KL", 8, 4, lambda found: found.kl),
        _LABEL,
    ]


_CONTRAST = [
    _ID,
    _number_column("mean A", 8, 7, lambda found: found.mean_a),
    _number_column("mean B", 8, 6, lambda found: found.mean_b),
    _number_column("density A", 9, 3, lambda found: found.density_a),
    _number_column("density B", 9, 2, lambda found: found.density_b),
    _number_column("d", 7, 5, lambda found: found.effect),
    _LABEL,
]
_CHANCE = [
    _number_column("p", 7, 1, lambda found: found.p),
    _number_column("q", 7, 4, lambda found: found.q),
]
_GREP = [
    _ID,
    _number_column("F1", 6, 7, lambda found: found.f1, 3),
    _number_column("precision", 9, 6, lambda found: found.precision, 3),
    _number_column("recall", 6, 5, lambda found: found.recall, 3),
    _number_column("active", 7, 4, lambda found: found.active),
    _LABEL,
]
_PROBE = [
    _ID,
    ResultColumn(Column("tells", "tells", width=10, priority=7), lambda found: found.tells),
    _number_column("balanced", 8, 6, lambda found: found.held_out.balanced_accuracy.mean, 3),
    _number_column("AUC", 6, 5, lambda found: found.held_out.auc.mean, 3),
    _number_column("F1", 6, 4, lambda found: found.held_out.f1.mean, 3),
    _number_column("accuracy", 8, 2, lambda found: found.held_out.accuracy.mean, 3),
    _number_column("splits", 6, 3, lambda found: found.chosen),
    ResultColumn(_LABEL.column, lambda found: ""),  # a job knows of none: those of now are shown
]


def result_columns(results: SearchResults) -> list[ResultColumn]:
    """The columns for an answer."""
    match results.answer:
        case Firing() as firing:
            return _firing(firing)
        case Contrast(tested=tested):
            return [*_CONTRAST[:-1], *(_CHANCE if tested else ()), _LABEL]
        case GrepReport():
            return list(_GREP)
        case ProbeResult():
            return list(_PROBE)
        case None:
            return [_ID, _LABEL]


def row_writer(columns: Sequence[ResultColumn], features: Sequence[Any]) -> Cells:
    """How to write row i, the points of every column under each other."""
    writers: list[Callable[[Value], str]] = []
    for column in columns:
        if column is _ID:
            writers.append(str)
            continue
        values = [column.value(feature) for feature in features]
        numbers = [abs(value) for value in values if isinstance(value, float)]
        write = column_format(max(numbers, default=0), at_least=column.decimals)
        writers.append(lambda value, write=write: _cell(value, write))  # type: ignore[misc]

    def cells(row: int) -> list[str]:
        feature = features[row]
        return [
            write(column.value(feature)) for column, write in zip(columns, writers, strict=True)
        ]

    return cells


def _cell(value: Value, write: Callable[[float], str]) -> str:
    if isinstance(value, float):
        return write(value)
    if isinstance(value, int):
        return f"{value:,}"
    return value or ""


def sorted_rows(column: ResultColumn, features: Sequence[Any], *, reverse: bool) -> list[int]:
    """The rows in the order of a column; of equals the first found first, without a value last."""
    values = [column.value(feature) for feature in features]
    having = [row for row, value in enumerate(values) if value not in (None, "")]
    having.sort(key=lambda row: values[row], reverse=reverse)  # type: ignore[arg-type,return-value]
    return having + [row for row, value in enumerate(values) if value in (None, "")]
