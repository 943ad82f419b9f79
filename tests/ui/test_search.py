"""Searching for features: from a prompt, from two texts, from a pattern."""

import asyncio
import csv
from pathlib import Path

import pytest

from engine.errors import UserError
from engine.service import protocol as p
from tests.ui import fake_engine
from tests.ui.fake_engine import World
from tests.ui.session import Session, open_app


def ids(user: Session) -> list[int]:
    sheet = user.app.main.panes["findings"]
    return [sheet._features[row].id for row in sheet.shown_rows()]


async def fires(user: Session) -> None:
    await user.press("1", "f")
    await user.sees("fires in “Once upon a time", "37 features are active")


# From a prompt


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_features_that_fire_in_a_prompt(world: World, size: tuple[int, int]) -> None:
    async with open_app(world, size) as user:
        await fires(user)
        await user.sees("European cap", "-0.81", "attribution", "KL", "“ there”")
        assert ids(user) == [11, 300, 40]
        assert user.app.state.feature == 11
        assert user.asked(p.FindFiring)[-1].prompt == world.prompts[0].prompt


async def test_found_features_are_sorted_and_chosen(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await fires(user)
        await user.press(">", ">", ">", ">", ">")
        await user.sees("effect ▼")
        assert ids(user) == [300, 11, 40]  # what was not measured comes last, either way
        await user.press("r")
        assert ids(user) == [11, 300, 40]
        await user.press("g", "j")
        await user.until(lambda: user.app.state.feature == 300)
        await user.press("enter")
        await user.sees("Detail · 300")
        await user.press("escape")
        await user.sees("fires in")
        await user.press("escape")
        await user.until(lambda: user.app.main.active == "prompts")


async def test_what_was_found_is_labelled_where_it_stands(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await fires(user)
        await user.press("j")
        await user.until(lambda: user.app.state.feature == 300)
        await user.press("l")
        await user.type("a name")
        await user.press("enter")
        await user.until(lambda: "a name" in user.line("  300 "))


async def test_marked_findings_are_clamped_and_come_back(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await fires(user)
        await user.press("space", "j", "space", "c")
        await user.until(lambda: user.asked(p.Clamp))
        assert [edit.feature for edit in user.asked(p.Clamp)[-1].request.edits] == [11, 300]
        await user.press("7")
        await user.sees("fires in")


async def test_another_next_token_is_explained(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await fires(user)
        await user.press("R", "enter")
        await user.type("was")
        await user.press("ctrl+s")
        await user.sees("“was”")
        assert user.asked(p.FindFiring)[-1].target == "was"


async def test_a_search_is_given_up(world: World) -> None:
    world.gates[p.FindFiring] = asyncio.Event()
    async with open_app(world, (80, 24)) as user:
        await user.press("1", "f")
        await user.sees("searching … X gives up", "X gives it up")
        await user.press("X")
        await user.until(lambda: user.app.state.search.progress is None)
        assert "gives it up" not in user.text


async def test_a_search_that_is_refused_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(world: World, request: object) -> None:
        raise UserError("The model is gone.")

    monkeypatch.setitem(fake_engine.ANSWERS, p.FindFiring, refuse)
    async with open_app(world) as user:
        await user.press("1", "f")
        await user.until(lambda: user.said("The model is gone."))
        assert user.app.state.search.progress is None


async def test_findings_are_exported_as_they_are_shown(world: World) -> None:
    async with open_app(world) as user:
        await fires(user)
        await user.press("slash")
        await user.type("capitals")
        await user.press("enter", "e")
        path = Path(world.workspace) / "exports" / "findings-r1.csv"
        await user.until(path.exists)
        rows = list(csv.DictReader(path.open()))
        assert [(row["id"], row["effect"]) for row in rows] == [("11", "-0.81")]


# From two texts


async def test_two_marked_prompts_are_contrasted(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("1", "space", "j", "space", "F")
        await user.sees("“Once upon a time in a distant land” against", "A “Once", "B “What is")
        await user.sees("mean A", "1.60", "European capitals")
        assert ids(user) == [11, 300]


async def test_a_prompt_is_contrasted_with_a_file(world: World, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("one\n")
    async with open_app(world, (120, 40)) as user:
        await user.press("1", "F", "enter")
        await user.sees("Contrast two texts")
        await user.type(str(corpus))
        await user.press("enter")
        await user.sees("against corpus.txt", "of 5 texts", "1 of 2 active features have q ≤ 0.05")
        await user.sees("0.008", "0.600")
        request = user.asked(p.FindContrast)[-1]
        assert (request.a.text, request.b.file) == (world.prompts[0].prompt, str(corpus))


async def test_one_text_alone_can_not_be_contrasted(world: World) -> None:
    async with open_app(world) as user:
        await user.press("1", "F", "ctrl+s")
        await user.sees("Two texts are needed.")


# From a pattern


async def test_a_pattern_finds_features_and_the_places_of_each(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("2", "f")
        await user.type("train|road")
        await user.press("ctrl+s")
        await user.sees("knows /train|road/", "2 matches", "precision", "0.900")
        assert ids(user) == [11, 300]
        await user.sees("11: 0 hits, 2 misses, 44 false", "hit ", "miss ", "false ")
        assert user.app.state.feature == 11  # the best
        await user.press("j")
        await user.until(lambda: user.app.state.feature == 300)
        await user.sees("300: 0 hits")
        await user.press("tab", "j", "enter")
        await user.sees("Document 1")


@pytest.mark.parametrize("view", [("3",), ("enter",)])
async def test_the_feature_that_is_looked_at_is_judged_by_the_pattern(
    world: World, view: tuple[str, ...]
) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("2", *view, "f")
        chosen = user.app.state.feature
        await user.type("train|road")
        await user.press("ctrl+s")
        await user.sees(f"{chosen}: 0 hits, 2 misses")
        assert ids(user) == [chosen, 11, 300]
        assert user.app.state.feature == chosen
        await user.press("R", "enter", "enter")  # as it is about that feature, so it stays
        await user.until(lambda: len(user.asked(p.Grep)) >= 4 and ids(user)[1:] == [11, 300])
        assert ids(user)[0] == chosen


async def test_from_finding_to_finding_without_leaving_the_detail(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await fires(user)
        await user.press("enter")
        await user.sees("Detail · 11")
        await user.press("n")
        await user.sees("Detail · 300")
        await user.press("N", "N")
        await user.sees("Detail · 40")
        await user.press("escape")
        await user.sees("fires in")
        assert user.line("▌").split()[1] == "40"


async def test_a_pattern_that_can_not_be_read_says_why(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "f")
        await user.type("(")
        await user.press("ctrl+s")
        await user.until(lambda: user.said("The pattern can't be read"))


async def test_before_any_search_the_sheet_names_the_keys(world: World) -> None:
    async with open_app(world, (100, 24)) as user:
        user.app.main.go_to("findings")
        await user.sees("Nothing was searched for yet: f in the prompts")
