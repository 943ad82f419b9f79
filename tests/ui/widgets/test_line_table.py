import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from rich.cells import cell_len
from rich.text import Text
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.message import Message

from brainsurg_tui.widgets.columns import Column
from brainsurg_tui.widgets.line_table import LineTable

COLUMNS = (
    Column("id", "id", 5, align="right", priority=3),
    Column("max", "max", 8, align="right", priority=2),
    Column("label", "label", 10, fraction=1, priority=1),
    Column("note", "note", 12),
)


class Host(App[None]):
    """A table and what it said."""

    def __init__(self, rows: int = 1000, **options: object) -> None:
        super().__init__()
        self.table = LineTable(*COLUMNS, empty_text="No features yet: press s", **options)
        self.rows = rows
        self.asked: list[int] = []
        self.heard: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.table.set_rows(self.rows, self.cells)

    def cells(self, row: int) -> Sequence[str | Text]:
        self.asked.append(row)
        return (str(row), f"{row / 2:.1f}", f"label of {row}", Text("note", "red"))

    def on_line_table_highlighted(self, message: LineTable.Highlighted) -> None:
        self.heard.append(message)

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        self.heard.append(message)

    def on_line_table_marked(self, message: LineTable.Marked) -> None:
        self.heard.append(message)

    def lines(self) -> list[str]:
        """What stands on the screen, line by line."""
        return [strip.text for strip in self.table.render_lines(self.table.size.region)]

    def last(self) -> tuple[type[Message], int]:
        message = self.heard[-1]
        assert isinstance(message, LineTable.Highlighted | LineTable.Opened | LineTable.Marked)
        return type(message), message.row


async def test_rows_stand_under_their_header():
    host = Host()
    async with host.run_test(size=(60, 6)):
        host.table.sort_key, host.table.reverse = "max", True
        lines = host.lines()

    assert [line.rstrip() for line in lines[:3]] == [
        "     id     max ▼  label                      note",
        "▌     0       0.0  label of 0                 note",
        "      1       0.5  label of 1                 note",
    ]
    assert len(lines) == 6
    assert {cell_len(line) for line in lines} == {60}


async def test_columns_leave_where_it_is_narrow():
    host = Host()
    async with host.run_test(size=(34, 6)):
        assert host.lines()[0].split() == ["id", "max", "label"]
        assert host.table.column_width("label") > 10
        assert host.table.column_width("note") == 0


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        ("j j k", 1),
        ("down down up", 1),
        ("k", 0),
        ("G", 999),
        ("end j", 999),
        ("G g", 0),
        ("end home", 0),
        ("pagedown", 10),
        ("pagedown pagedown pageup", 10),
        ("ctrl+d", 5),
        ("ctrl+d ctrl+d ctrl+u", 5),
    ],
)
async def test_keys_move_the_cursor_and_the_view_follows(keys: str, row: int):
    host = Host()
    async with host.run_test(size=(60, 11)) as pilot:
        await pilot.press(*keys.split())

        assert host.table.row == row
        under = [line for line in host.lines() if line.startswith("▌")]
        assert [line.split()[1] for line in under] == [str(row)]


async def test_what_happens_is_told():
    host = Host()
    async with host.run_test(size=(60, 11)) as pilot:
        await pilot.pause()
        assert host.last() == (LineTable.Highlighted, 0)
        await pilot.press("j")
        assert host.last() == (LineTable.Highlighted, 1)
        await pilot.press("space")
        assert host.last() == (LineTable.Marked, 1)
        assert host.table.marked == {1}
        assert host.lines()[2].startswith("▌•")
        await pilot.press("enter")
        assert host.last() == (LineTable.Opened, 1)
        await pilot.press("space")
        assert host.table.marked == set()
        told = len(host.heard)
        await pilot.press("k", "k")  # the second one goes nowhere
        assert len(host.heard) == told + 1


async def test_one_step_draws_two_lines():
    host = Host()
    async with host.run_test(size=(60, 30)) as pilot:
        await pilot.press("j")
        host.asked.clear()
        await pilot.press("j")

        assert sorted(set(host.asked)) == [1, 2]


async def test_a_row_can_be_drawn_alone():
    host = Host()
    async with host.run_test(size=(60, 30)) as pilot:
        await pilot.pause()
        host.asked.clear()
        host.table.refresh_row(7)
        host.table.refresh_row(5000)
        await pilot.pause()

        assert set(host.asked) == {7}


async def test_the_cursor_stays_on_its_row_when_the_order_changes():
    host = Host()
    async with host.run_test(size=(60, 11)) as pilot:
        host.table.select(500)
        await pilot.pause()
        told = len(host.heard)
        host.table.order = np.arange(1000)[::-1]
        await pilot.pause()
        assert host.table.row == 500
        assert next(line for line in host.lines() if line.startswith("▌")).split()[1] == "500"
        assert len(host.heard) == told

        host.table.order = np.array([4, 2, 7])
        await pilot.pause()
        assert host.last() == (LineTable.Highlighted, 4)
        assert [line.split()[-4] for line in host.lines()[1:4]] == ["label"] * 3
        assert host.table.shown == 3
        assert not host.table.select(500)
        assert host.table.select(7)
        assert host.table.row == 7


async def test_an_empty_table_says_what_fills_it():
    host = Host(rows=0)
    async with host.run_test(size=(60, 11)) as pilot:
        await pilot.press("j", "G", "ctrl+d", "space", "enter", "l")

        assert host.lines()[1].strip() == "No features yet: press s"
        assert host.heard == []
        assert host.table.row is None


async def test_a_filter_that_lets_nothing_through_is_no_empty_table():
    host = Host()
    async with host.run_test(size=(60, 11)):
        host.table.order = np.array([], dtype=int)

        assert host.lines()[1].strip() == "No row matches."
        assert host.table.row is None


async def test_clipped_text_can_be_read_to_its_end():
    host = Host(rows=3)
    host.cells = lambda row: ("1", "2", "abcdefghijklmnopqrstuvwxyz", "")
    async with host.run_test(size=(34, 5)) as pilot:
        assert "abcdefghijklmn…" in host.lines()[1]
        await pilot.press("l", "l", "l", "l")
        assert host.lines()[1].rstrip().endswith("z")
        assert "…" in host.lines()[1]
        await pilot.press("h", "h", "h", "h", "h")
        assert "abcdefghijklmn…" in host.lines()[1]


async def test_foreign_text_is_made_visible_and_never_obeyed():
    host = Host(rows=1)
    host.cells = lambda row: ("[b]1[/b]", "\x1b[31m", "a\nb", Text("x\x1b[0my", "red"))
    async with host.run_test(size=(60, 5)):
        line = host.lines()[1]

    assert all(part in line for part in ("[b]1…", "␛[31m", "a↵b", "x␛[0my"))


async def test_wide_characters_and_styles_keep_the_columns_straight():
    host = Host(rows=2)
    host.cells = lambda row: ("1", "日本語日本語", Text("日本語" * 9, "red"), Text("ok", "italic"))
    async with host.run_test(size=(60, 5)):
        assert {cell_len(line) for line in host.lines()} == {60}
        assert all(line.index("ok") == host.lines()[1].index("ok") for line in host.lines()[1:3])
        (strip,) = host.table.render_lines(Region(0, 2, 60, 1))
        styles = {segment.text: segment.style for segment in strip}
        assert styles["ok"].italic


async def test_the_mouse_puts_the_cursor_and_a_second_click_opens():
    host = Host()
    async with host.run_test(size=(60, 11)) as pilot:
        await pilot.press("G")
        await pilot.click(LineTable, offset=(5, 4))
        assert host.table.row == 993
        await pilot.click(LineTable, offset=(5, 0))  # the header
        assert host.table.row == 993
        await pilot.click(LineTable, offset=(5, 5), times=2)
        assert host.last() == (LineTable.Opened, 994)


async def test_the_cursor_stays_in_sight_when_the_table_shrinks():
    host = Host()
    async with host.run_test(size=(60, 30)) as pilot:
        await pilot.press("ctrl+d", "ctrl+d")
        await pilot.resize_terminal(60, 8)

        assert any(line.startswith("▌") for line in host.lines())


async def test_ascii_only_draws_no_other_sign():
    host = Host(ascii_only=True)
    async with host.run_test(size=(40, 5)) as pilot:
        host.table.sort_key = "label"
        await pilot.press("space", "l")

        assert all(line.isascii() for line in host.lines())
        assert host.lines()[1].startswith(">*")


def test_importing_it_does_not_import_numpy_or_plotext():
    code = """
import sys
import brainsurg_tui.widgets.line_table, brainsurg_tui.widgets.chart
sys.exit(len({"numpy", "plotext"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_why_there_are_no_rows_is_said_in_as_many_lines_as_it_takes() -> None:
    host = Host(0)
    async with host.run_test(size=(30, 10)) as pilot:
        host.table.empty_text = "The scan has not come to its end, and until then nobody knows."
        await pilot.pause()
        said = " ".join(" ".join(host.lines()[1:]).split())
        assert said == host.table.empty_text


async def test_go_to_the_next_row_that_is_wanted_from_the_last_to_the_first() -> None:
    host = Host(10)
    async with host.run_test(size=(60, 10)) as pilot:
        await pilot.pause()
        host.table.order = np.array([4, 8, 1, 2])
        host.table.select(8)
        assert host.table.go_to_next(lambda row: row % 2 == 0)
        assert host.table.row == 2
        assert host.table.go_to_next(lambda row: row % 2 == 0)
        assert host.table.row == 4
        assert not host.table.go_to_next(lambda row: row > 8)
        assert host.table.row == 4


async def test_figures_do_not_lean_on_the_scrollbar() -> None:
    host = Host(100)
    async with host.run_test(size=(60, 10)) as pilot:
        label, id = Column("label", "label", 5, fraction=1), Column("id", "id", 3, align="right")
        host.table.columns = (label, id)
        host.table.set_rows(100, lambda row: ("label", str(row)))
        await pilot.pause()
        assert host.table.show_vertical_scrollbar
        assert len(host.lines()[1].rstrip()) == 60 - 2  # the scrollbar, and a cell before it
