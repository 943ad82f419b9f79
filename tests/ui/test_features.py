"""Panes 2 and 3: finding a feature, looking at it, naming it."""

import asyncio
from pathlib import Path

import numpy as np

from engine.service import protocol as p
from tests.ui.fake_engine import D_SAE, World
from tests.ui.session import Session, open_app


def columns(world: World) -> dict[str, np.ndarray]:
    table = world.table("r1")
    return {name: np.frombuffer(data, table.dtypes[name]) for name, data in table.columns.items()}


def shown(user: Session) -> list[int]:
    return list(user.app.bench.features.shown_rows())


async def test_features_come_sorted_by_their_maximum(world: World) -> None:
    async with open_app(world) as user:
        maxima = columns(world)["max"][shown(user)]
        assert (np.diff(maxima) <= 0).all()
        assert len(maxima) == D_SAE


async def test_sort_by_another_column_and_backwards(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", ">", ">", ">")
        await user.until(lambda: "density ▼" in user.line("2 Features"))
        density = columns(world)["density"]
        assert (np.diff(density[shown(user)]) <= 0).all()
        await user.press("r")
        assert (np.diff(density[shown(user)]) >= 0).all()
        await user.press("<", "<", "<", "<")
        assert shown(user) == list(range(D_SAE))


async def test_equal_features_stay_in_the_order_of_their_numbers(world: World) -> None:
    async with open_app(world) as user:
        silent = [row for row in shown(user) if columns(world)["max"][row] == 0]
        assert len(silent) > 1
        assert silent == sorted(silent)


async def test_filter_by_comparisons_and_label(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("2", "slash")
        await user.type("max>5 density<0.01")
        await user.press("enter")
        have = columns(world)
        expected = (have["max"] > 5) & (have["density"] < 0.01)
        await user.sees(f"{expected.sum()} of 2,048")
        assert sorted(shown(user)) == np.flatnonzero(expected).tolist()
        await user.press("escape", "slash")
        await user.type("capitals")
        await user.press("enter")
        await user.sees("1 of 2,048", "European capitals")


async def test_next_match_goes_round(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "slash")
        await user.type("capitals|once")
        await user.press("enter")
        await user.until(lambda: len(shown(user)) == 2)
        await user.press("g")
        visits = []
        for key in ("n", "n", "N"):
            visits.append(user.app.bench.features.table.row)
            await user.press(key)
        assert visits == [*shown(user), shown(user)[0]]


async def test_moving_to_a_feature_shows_its_snippets(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("2", "down", "down")
        feature = user.app.bench.features.table.row
        await user.until(lambda: user.app.state.detail and user.app.state.detail.id == feature)
        await user.sees(f"3 Snippets · {feature}", "promotes", "Paris", "suppresses")


async def test_a_snippet_opens_whole(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("2", "3", "enter")
        await user.sees("Document 0, token", "cold platform")
        await user.press("escape")
        await user.until(lambda: "Document 0, token" not in user.text)


async def test_an_answer_that_comes_too_late_is_dropped(world: World) -> None:
    async with open_app(world) as user:
        gate = world.gates[p.GetFeature] = asyncio.Event()
        asked = len(user.asked(p.GetFeature))
        await user.press("2", "down")
        late = user.app.state.feature
        await user.until(lambda: len(user.asked(p.GetFeature)) > asked)
        await user.press("down")
        wanted = user.app.state.feature
        gate.set()
        await user.until(lambda: user.app.state.detail and user.app.state.detail.id == wanted)
        assert late != wanted
        assert not user.app.state.take_detail("r1", world.detail("r1", late))
        assert not user.app.state.take_detail("another", world.detail("r1", wanted))


async def test_label_undo_redo(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "l")
        await user.type("city names")
        await user.press("enter")
        await user.sees("city names")
        feature = user.app.state.feature
        assert world.note("r1", feature).label == "city names"
        await user.press("u")
        await user.until(lambda: feature not in world.notes["r1"])
        await user.until(lambda: "city names" not in user.text)
        await user.press("ctrl+r")
        await user.until(lambda: world.note("r1", feature).label == "city names")


async def test_a_label_given_elsewhere_appears(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2")
        world.name("r1", user.app.state.feature, "named on the command line")
        world.changed()
        await user.sees("named on the command line")


async def test_back_and_forth_among_visited_features(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "down")
        first = user.app.state.feature
        await user.press("down")
        second = user.app.state.feature
        await user.press("H")
        assert user.app.state.feature == first
        assert user.app.bench.features.table.row == first
        await user.press("L")
        assert user.app.state.feature == second


async def test_what_was_looked_at_last_is_there_next_time(world: World, tmp_path: Path) -> None:
    memory = tmp_path / "state" / "tui.json"
    async with open_app(world, memory=memory) as user:
        await user.press("2", ">", "down", "down", "down", "slash")
        await user.type("max>3")
        await user.press("enter")
        await user.sees("of 2,048")
        feature = user.app.state.feature
        order = shown(user)
    async with open_app(world, memory=memory) as user:
        assert user.app.bench.active == "features"
        assert user.app.state.feature == feature
        assert shown(user) == order


async def test_another_sae_is_chosen_in_the_workspace(world: World) -> None:
    world.add_sae("r2", arch="seed-basic", scanned=True)
    async with open_app(world) as user:
        assert user.app.state.sae == "r2"
        await user.press("w", "up", "enter")
        await user.until(lambda: user.app.state.sae == "r1" and user.app.state.detail is not None)
        assert user.asked(p.GetFeatureTable)[-1].sae == "r1"


async def test_export_writes_the_rows_as_they_are_shown(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "slash")
        await user.type("capitals")
        await user.press("enter")
        await user.sees("1 of 2,048")
        await user.press("e")
        folder = Path(world.workspace) / "exports"
        await user.until((folder / "features-r1.json").exists)
        lines = (folder / "features-r1.csv").read_text().splitlines()
        assert lines[0] == "id,max,mean,std,density,count,documents,starred,tags,label,note"
        assert len(lines) == 2
        assert lines[1].startswith("11,")
        assert lines[1].endswith(",False,,European capitals,")


async def test_copy_goes_to_the_clipboard_and_to_a_file(world: World) -> None:
    async with open_app(world) as user:
        await user.press("1", "y")
        assert user.app.clipboard == world.prompts[0].prompt
        copied = Path(world.workspace) / "exports" / "copied.txt"
        assert copied.read_text() == world.prompts[0].prompt + "\n"


async def test_an_empty_pane_names_the_key_that_fills_it(empty_world: World) -> None:
    async with open_app(empty_world, (80, 24)) as user:
        await user.press("2")
        await user.sees("press C to capture")
        empty_world.add_activations("acts1", tokens=300, documents=7)
        empty_world.changed()
        await user.sees("press T to train")
        empty_world.add_sae("r1")
        empty_world.changed()
        await user.sees("press S to find its features")
