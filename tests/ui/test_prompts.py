"""Pane 1: writing prompts, and taking it back."""

from pathlib import Path

import pytest

from engine.service import protocol as p
from tests.ui.fake_engine import World
from tests.ui.session import Session, open_app


def prompts(user: Session) -> list[str]:
    return [prompt.prompt for prompt in user.world.prompts]


async def test_add_with_a_category_then_undo_and_redo(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("a")
        await user.type("A new prompt")
        await user.press("enter", "down", "down", "enter")
        await user.sees("A new prompt")
        assert user.world.prompts[-1].category == "factual"
        await user.press("u")
        await user.until(lambda: "A new prompt" not in prompts(user))
        await user.until(lambda: "A new prompt" not in user.text)
        await user.press("ctrl+r")
        await user.until(lambda: "A new prompt" in prompts(user))


async def test_edit_changes_the_prompt_under_the_cursor(world: World) -> None:
    async with open_app(world) as user:
        await user.press("down", "enter")
        await user.sees("Change the prompt", "What is the capital of France?")
        await user.type("Who?")
        await user.press("enter", "enter")
        await user.until(lambda: prompts(user)[1] == "Who?")
        assert len(prompts(user)) == 7


async def test_delete_takes_the_marked_ones_and_undo_brings_all_back(world: World) -> None:
    before = list(world.prompts)
    async with open_app(world) as user:
        await user.press("space", "down", "space", "d")
        await user.until(lambda: user.world.prompts == before[2:])
        await user.press("u")
        await user.until(lambda: user.world.prompts == before)


async def test_undo_in_the_order_in_which_it_was_done(world: World) -> None:
    before = list(world.prompts)
    async with open_app(world) as user:
        await user.press("d")
        await user.until(lambda: user.world.prompts == before[1:])
        await user.press("d")
        await user.until(lambda: user.world.prompts == before[2:])
        await user.press("u")
        await user.until(lambda: user.world.prompts == before[1:])
        await user.press("u")
        await user.until(lambda: user.world.prompts == before)


async def test_a_new_line_in_a_prompt_is_typed_and_shown_as_an_escape(world: World) -> None:
    async with open_app(world) as user:
        await user.press("a")
        await user.type(r"one\ntwo")
        await user.press("ctrl+s")
        await user.until(lambda: prompts(user)[-1] == "one\ntwo")
        await user.sees("one↵two")
        await user.press("e")
        await user.sees(r"one\ntwo")


async def test_an_empty_prompt_is_refused_in_the_form(world: World) -> None:
    async with open_app(world) as user:
        await user.press("a", "ctrl+s")
        await user.sees("A prompt needs some text.")


async def test_filter_inverted_with_its_count(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("slash")
        await user.type("!the")
        await user.press("enter")
        await user.sees("/!the  4 of 7")
        assert "The theory" not in user.text
        await user.press("escape")
        await user.sees("The theory")


async def test_another_front_ends_prompt_appears(world: World) -> None:
    async with open_app(world) as user:
        world.prompts.append(p.SavedPrompt(id=99, prompt="from elsewhere"))
        world.changed()
        await user.sees("from elsewhere")


@pytest.mark.parametrize("new_line", ["\n", "\r", "\r\n"])
async def test_all_lines_that_are_pasted_into_a_prompt_are_kept(
    world: World, new_line: str
) -> None:
    poem = ["first line of a poem", r"second line, with \d and \n", "", "\tthird line"]
    async with open_app(world) as user:
        await user.press("a")
        await user.type(new_line.join([*poem, ""]))
        await user.press("ctrl+s")
        await user.until(lambda: prompts(user)[-1] == "\n".join(poem))


async def test_a_field_without_new_lines_says_that_it_left_out_lines(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("C", *["enter"] * 7)
        await user.type("one\ntwo\nthree")
        assert user.app.focused.value == "one"
        await user.sees("name: of 3 pasted lines only the first was taken.")


async def test_a_marked_prompt_that_a_filter_hides_is_not_deleted(world: World) -> None:
    before = list(world.prompts)
    async with open_app(world, (80, 24)) as user:
        await user.press("space", "slash")
        await user.type("relativity")
        await user.press("enter")
        await user.sees("1 marked, 1 hidden")
        await user.press("d")
        await user.until(lambda: len(user.world.prompts) == 6)
        assert user.world.prompts == [*before[:4], *before[5:]]


async def test_a_remembered_filter_that_leaves_no_prompt_is_not_applied(
    world: World, tmp_path: Path
) -> None:
    memory = tmp_path / "memory.json"
    async with open_app(world, (80, 24), memory=memory) as user:
        await user.press("slash")
        await user.type("relativity")
        await user.press("enter")
        await user.sees("1 of 7")
    world.prompts = [prompt for prompt in world.prompts if "relativity" not in prompt.prompt]
    async with open_app(world, (80, 24), memory=memory) as user:
        await user.until(lambda: user.said("/relativity, leaves nothing, so it is not applied."))
        await user.sees("Once upon a time")
