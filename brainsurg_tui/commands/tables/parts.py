"""What all tables of the command line are grid of."""

from collections.abc import Mapping

from rich.console import Console, RenderableType
from rich.table import Column, Table
from rich.text import Text

from brainsurg_tui.widgets.visible import visible


class Command(Text):
    """A command to copy: the terminal may wrap it, we don't."""


def show(*what: RenderableType) -> None:
    """Print to stdout."""
    console = Console(highlight=False)
    for one in what:
        console.print(one, soft_wrap=isinstance(one, Command))


def visible_text(text: str, style: str = "") -> Text:
    """A text of a user, a file or a model, grid visible."""
    return Text(visible(text), style=style)


def table(*columns: str | Column) -> Table:
    """A table without lines; the text of a column that is only named is wrapped."""
    return Table(*columns, box=None, header_style="dim", padding=(0, 2, 0, 0))


def numbers(*titles: str) -> list[Column]:
    """Columns at the right, never wrapped."""
    return [Column(title, justify="right", no_wrap=True) for title in titles]


def short_column(title: str) -> Column:
    """A column of short texts, never wrapped."""
    return Column(title, no_wrap=True)


def one_line(text: str, style: str = "") -> Text:
    """A foreign text for a cell, cut off where there is no room beside numbers and short texts."""
    return Text(visible(text), style=style, no_wrap=True, overflow="ellipsis")


def pair_table(rows: Mapping[str, str]) -> Table:
    """Names and values, one pair a line."""
    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in rows.items():
        grid.add_row(Text(name, style="dim"), visible_text(value))
    return grid
