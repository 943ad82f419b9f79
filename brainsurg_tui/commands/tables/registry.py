"""Which tables show which result: each file of this folder registers its own here."""

from collections.abc import Iterable
from functools import singledispatch
from typing import Any

from rich.console import RenderableType

from brainsurg_tui.commands.json_document import plain_data
from brainsurg_tui.commands.tables.parts import pair_table
from brainsurg_tui.widgets.numbers import byte_size, quantity, seconds

_FEW = 4
"""Of a list, how many are shown before the last."""


@singledispatch
def tables_of(result: Any) -> Iterable[RenderableType]:
    """What people read of a result. `tables_of.register` says it for the type that a function's
    argument is annotated with; of any other structure or dictionary its fields are shown."""
    return [pair_table(readable(plain_data(result)))]


def readable(fields: dict[str, Any]) -> dict[str, str]:
    """Names and values as texts; those that are not known are left out."""
    rows: dict[str, str] = {}
    for name, value in fields.items():
        match name, value:
            case ("kind", _) | (_, None | ""):
                continue
            case "bytes" | "downloaded_bytes", int():
                rows[name] = byte_size(value)
            case "seconds", float():
                rows[name] = seconds(value)
            case "tokens_per_second", float():
                rows["tokens/s"] = quantity(value)
            case _, list():
                rows[name] = _shorten(value)
            case _, int():
                rows[name] = f"{value:,}"
            case _:
                rows[name] = str(value)
    return rows


def _shorten(values: list[Any]) -> str:
    """The first values and the last, where there are many, and how many there are."""
    first = ", ".join(map(str, values[:_FEW]))
    more = f" … {values[-1]} ({len(values):,})" if len(values) > _FEW else ""
    return first + more
