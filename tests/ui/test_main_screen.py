"""Where things stand: sizes, focus, zoom, jump, help, palette, hints."""

from typing import Literal

import pytest

from brainsurg_tui.actions.hints import HINTS
from brainsurg_tui.actions.registry import all_actions
from brainsurg_tui.layout import PANES
from brainsurg_tui.settings import Settings
from engine.service import protocol as p
from tests.ui.fake_engine import World
from tests.ui.session import Session, open_app

TITLES = ("1 Prompts", "2 Features", "3 Snippets", "4 Clamp", "5 Loss", "6 Jobs")


def titles(user: Session) -> list[str]:
    """The panes whose title line is on the screen."""
    return [title for title in TITLES if f" {title} " in user.text.partition("\n")[2]]


async def test_the_same_app_at_every_size(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        assert titles(user) == ["1 Prompts"]
        assert all(name in user.screen[0] for name in ("1Prompts", "2Feat", "6Jobs"))
        await user.pilot.resize_terminal(120, 40)
        await user.until(lambda: len(titles(user)) > 1)
        assert titles(user) == [*TITLES[:5], "6 Jobs"]  # jobs by name, in the job line
        await user.press("6")
        await user.sees("6 Jobs ━")
        await user.pilot.resize_terminal(200, 60)
        await user.until(lambda: "5 Loss ─" in user.text)
        assert titles(user) == list(TITLES)
        await user.pilot.resize_terminal(59, 16)
        await user.sees("59×16 is too small", "60×16")
        await user.pilot.resize_terminal(60, 16)
        await user.until(lambda: titles(user) == ["6 Jobs"])


@pytest.mark.parametrize("size", [(60, 16), (80, 24)])
async def test_no_line_is_wider_than_the_screen_and_none_is_lost(
    world: World, size: tuple[int, int]
) -> None:
    async with open_app(world, size) as user:
        for number in "123456":
            await user.press(number)
            assert {len(line) for line in user.screen} == {size[0]}
            assert "? help" in user.screen[-1]


async def test_numbers_and_tab_go_to_panes(world: World) -> None:
    async with open_app(world) as user:
        for number, pane in enumerate(PANES, 1):
            await user.press(str(number))
            assert user.app.main.active == pane
            assert user.app.focused is user.app.main.panes[pane].target
        await user.press("tab")
        assert user.app.main.active == "prompts"
        await user.press("shift+tab", "shift+tab")
        assert user.app.main.active == "loss"


async def test_only_the_focused_pane_has_the_heavy_line(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("4")
        await user.until(lambda: "4 Clamp ━" in user.text)
        assert sum("━" in line for line in user.screen) == 1


async def test_zoom_gives_the_pane_everything_and_escape_takes_it_back(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("2", "z")
        await user.until(lambda: titles(user) == ["2 Features"])
        await user.press("3")
        await user.until(lambda: titles(user) == ["3 Snippets"])
        await user.press("escape")
        await user.until(lambda: len(titles(user)) == 6)
        await user.press("escape")
        assert user.app.main.active == "features"


async def test_a_column_is_widened_and_stays_so(world: World, tmp_path) -> None:
    memory = tmp_path / "tui.json"
    async with open_app(world, (120, 40), memory=memory) as user:
        before = user.app.main.features.size
        await user.press("2", "}", "}", ")")
        await user.until(lambda: user.app.main.features.size.width > before.width)
        after = user.app.main.features.size
        assert after.height > before.height
    async with open_app(world, (120, 40), memory=memory) as user:
        await user.until(lambda: user.app.main.features.size == after)


async def test_a_sheet_lies_over_the_panes_until_it_is_left(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("2", "enter")
        await user.until(lambda: not titles(user) and "Detail" in user.text)
        await user.press("escape")
        await user.until(lambda: len(titles(user)) == 6)
        await user.press("enter", "4")
        await user.until(lambda: user.app.main.active == "clamp")
        await user.press("escape")
        await user.until(lambda: user.app.main.active == "features")


async def test_jump_puts_a_letter_on_every_pane(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("ctrl+o")
        await user.until(lambda: " d " in user.screen[0] and " a " in user.screen[1])
        await user.press("d")
        await user.until(lambda: user.app.main.active == "snippets")
        await user.press("ctrl+o", "escape")
        await user.press("1")
        assert user.app.main.active == "prompts"


async def test_help_begins_with_the_focused_pane_and_filters(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("2", "?")
        await user.sees("Help · keys that work here", "sort by the next column")
        lines = [line for line in user.screen if "│" in line]
        first = next(index for index, line in enumerate(lines) if "Features" in line)
        assert first < next(index for index, line in enumerate(lines) if "table " in line)
        await user.type("freeze")
        await user.sees("No key does that.")
        await user.press("escape", "5", "f1")
        await user.type("freeze")
        await user.sees("Hold the chart still")


async def test_help_shows_the_keys_of_the_configuration(world: World) -> None:
    settings = Settings(keys={"train": "f5", "zoom": "Z"})
    async with open_app(world, settings=settings) as user:
        await user.press("?")
        await user.type("train")
        await user.sees("f5")
        await user.press("escape", "f5")
        await user.sees("Train an SAE")
        await user.press("escape", "T")
        assert "Train an SAE" not in user.text


async def test_palette_does_any_action_by_name(world: World) -> None:
    async with open_app(world) as user:
        await user.press("colon")
        await user.type("reverse")
        await user.sees("Features: reverse")
        await user.press("enter")
        await user.until(lambda: user.app.main.active == "features")
        await user.until(lambda: not user.app.main.features.table.reverse)


async def test_hints_are_at_most_six_with_help_among_them(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        for number in "123456":
            await user.press(number)
            assert "? help" in user.screen[-1]
            assert 1 <= len(user.screen[-1].strip().split("   ")) <= 6
    assert all(len(hints) <= 6 and hints[-1] == "help" for hints in HINTS.values())
    hinted = {id for hints in HINTS.values() for id in hints}
    assert hinted == {action.id for action in all_actions() if action.hint}


async def test_ascii_alone(world: World) -> None:
    settings = Settings(ascii=True)
    async with open_app(world, (120, 40), settings=settings) as user:
        await user.press("2", "c")
        await user.sees("before", "no-op +")
        # what users and models wrote may be more than ASCII; nothing else is
        assert [line for line in user.screen if not line.isascii()] == []


async def test_ascii_alone_in_the_sheets(world: World) -> None:
    async with open_app(world, (120, 40), settings=Settings(ascii=True)) as user:
        await user.press("2", "asterisk", "enter")
        await user.sees("0.900", "highest bar")
        assert [line for line in user.screen if not line.isascii()] == []
        await user.press("f")
        await user.type("train")
        await user.press("ctrl+s")
        await user.sees("knows /train/", "miss ")
        assert [line for line in user.screen if not line.isascii()] == []


async def test_printable_keys_belong_to_a_field(world: World) -> None:
    async with open_app(world) as user:
        await user.press("a", "q", "1", "T")
        await user.sees("New prompt", "q1T")
        assert user.app.main.active == "prompts"


async def test_the_workspace_screen_shows_sets_and_saes_and_deletes_after_asking(
    world: World,
) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("w")
        await user.sees("acts1", "18.4k", "r1 (in use)", "explained 0.931")
        await user.press("tab", "enter")
        await user.sees("Activations acts1", "hidden size", "64", "153.6")
        await user.press("escape", "w", "d")
        await user.sees("Delete r1?", "there is no undo")
        await user.press("enter")
        assert [sae.name for sae in world.saes] == ["r1"]
        await user.press("w", "d", "y")
        await user.until(lambda: not world.saes)
        await user.until(lambda: user.app.state.sae is None)


@pytest.mark.parametrize("kind", ["activations", "sae"])
async def test_what_cannot_be_read_is_explained_and_can_be_deleted(
    world: World, kind: Literal["activations", "sae"]
) -> None:
    problem = "manifest.json is damaged: it ends in the middle. Capture the set again."
    world.damaged = [p.DamagedInfo(kind=kind, name="broken", problem=problem)]
    async with open_app(world, (80, 24)) as user:
        await user.press("w", "tab")
        await user.sees("broken", "Capture the set")
        await user.press("d")
        await user.sees("Delete broken?")
        await user.press("y")
        await user.until(lambda: not world.damaged)


async def test_a_click_on_a_tab_goes_there(world: World) -> None:
    async with open_app(world) as user:
        await user.pilot.click("#top-line", offset=(user.screen[0].index("4Clamp") + 1, 0))
        await user.until(lambda: user.app.main.active == "clamp")


async def test_another_theme_is_chosen_and_remembered(world: World, tmp_path) -> None:
    memory = tmp_path / "tui.json"
    async with open_app(world, memory=memory) as user:
        await user.press("colon")
        await user.type("theme")
        await user.sees("Choose a theme")
        await user.press("enter")
        await user.until(lambda: "theme" in user.text.lower())
        await user.type("brain-surgery-light")
        await user.press("enter")
        await user.until(lambda: user.app.theme == "brain-surgery-light")
    async with open_app(world, memory=memory) as user:
        assert user.app.theme == "brain-surgery-light"


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (("T",), "Train an SAE: No activations yet - press C to capture some."),
        (("S",), "Scan for features: No activations yet - press C to capture some."),
        (("2", "f"), "Feature: search by a pattern: No activations yet - press C"),
        (("plus",), "Clamp stronger: Nothing to clamp yet: features come first."),
        (("X",), "Cancel the job: No job runs."),
        (("u",), "Undo: There is no change to take back."),
        (("ctrl+r",), "Redo: Nothing was taken back."),
    ],
)
async def test_a_key_that_can_do_nothing_yet_says_why(
    empty_world: World, keys: tuple[str, ...], why: str
) -> None:
    async with open_app(empty_world) as user:
        await user.press(*keys)
        await user.until(lambda: user.said(why))


async def test_a_key_that_does_something_is_not_commented_on(world: World) -> None:
    async with open_app(world) as user:
        await user.press("1", "f")  # places are what a pattern alone has, and tab goes on
        await user.sees("fires in")
        await user.press("tab", "2", "j", "3", "]", "[", "c")
        await user.until(lambda: user.asked(p.Clamp))
        assert not user.app.state.messages


async def test_where_a_row_of_things_ends_its_key_says_so(world: World) -> None:
    async with open_app(world) as user:
        await user.press("3", "[")
        await user.until(lambda: user.said("These are the strongest."))
        await user.press(*["]"] * 12)
        await user.until(lambda: user.said("There is nothing weaker."))
        await user.press("H")
        await user.until(lambda: user.said("No feature was looked at before this one."))
