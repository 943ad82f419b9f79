"""Panes 2 and 3: finding a feature, looking at it, naming it."""

import asyncio
from pathlib import Path

import numpy as np

from brainsurg_tui.settings import Memory, Sorting, WorkspaceMemory, write_memory
from engine.service import protocol as p
from tests.ui.fake_engine import D_SAE, World
from tests.ui.session import Session, open_app


def columns(world: World) -> dict[str, np.ndarray]:
    table = world.table("r1")
    return {name: np.frombuffer(data, table.dtypes[name]) for name, data in table.columns.items()}


def shown(user: Session) -> list[int]:
    return list(user.app.main.features.shown_rows())


def remember(path: Path, world: World, sorting: Sorting) -> None:
    """The order and the filter of the features the last time."""
    memory = WorkspaceMemory(pane="prompts", tables={"features": sorting})
    write_memory(path, Memory(workspaces={world.workspace: memory}))


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
            visits.append(user.app.main.features.table.row)
            await user.press(key)
        assert visits == [*shown(user), shown(user)[0]]


async def test_moving_to_a_feature_shows_its_snippets(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("2", "down", "down")
        feature = user.app.main.features.table.row
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
        assert not user.app.state.set_detail("r1", world.detail("r1", late))
        assert not user.app.state.set_detail("another", world.detail("r1", wanted))


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
        world.name("r1", user.app.state.feature, "named elsewhere")
        world.changed()
        await user.sees("named elsewhere")
        assert len(user.asked(p.GetFeatureTable)) == 1  # a million features are not sent again


async def test_back_and_forth_among_visited_features(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "down")
        first = user.app.state.feature
        await user.press("down")
        second = user.app.state.feature
        await user.press("H")
        assert user.app.state.feature == first
        assert user.app.main.features.table.row == first
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
        assert user.app.main.active == "features"
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


async def test_a_filter_that_can_not_be_read_keeps_the_rows_and_says_where(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("2", "slash")
        await user.type("max>5")
        await user.until(lambda: 0 < len(shown(user)) < D_SAE)
        rows = shown(user)
        await user.type(" density<")
        await user.sees("at column 15: the end stands there.", "Expected a number.")
        assert shown(user) == rows
        await user.type("0.01")
        await user.until(lambda: len(shown(user)) < len(rows))
        assert "Expected" not in user.text


async def test_a_filter_that_can_not_be_read_stays_open_to_be_mended(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("2", "slash")
        await user.type("max>5")
        await user.until(lambda: 0 < len(shown(user)) < D_SAE)
        rows = shown(user)
        await user.type(" density<")
        await user.press("enter")
        await user.sees("/max>5 density< ", "Expected a number.")
        assert shown(user) == rows
        await user.until(lambda: user.app.focused is not user.app.main.features.table)
        await user.type("0.01")
        await user.press("enter")
        await user.sees("r1 /max>5 density<0.01 ")
        assert len(shown(user)) < len(rows)


async def test_a_remembered_filter_that_can_not_be_read_any_more_is_dropped(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "memory.json"
    remembered = Sorting("max", True, "density<")
    remember(path, world, remembered)
    async with open_app(world, memory=path) as user:
        await user.until(lambda: user.said("Expected a number."))
        assert len(shown(user)) == D_SAE
        assert not user.app.main.features.filtering


async def test_a_remembered_filter_that_leaves_nothing_is_not_applied(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "memory.json"
    remember(path, world, Sorting("density", True, "max > 9000"))
    async with open_app(world, memory=path) as user:
        await user.until(lambda: user.said("/max > 9000, leaves nothing, so it is not applied."))
        await user.until(lambda: len(shown(user)) == D_SAE)
        assert user.app.main.features.table.sort_key == "density"
        await user.press("2", "slash")
        await user.type("max > 9000")  # what is typed is applied all the same
        await user.press("enter")
        await user.sees("0 of 2,048")


async def test_every_workspace_has_a_filter_an_order_and_a_focus_of_its_own(
    tmp_path: Path,
) -> None:
    path = tmp_path / "memory.json"
    one, other = World(str(tmp_path / "one")), World(str(tmp_path / "other"))
    async with open_app(one, memory=path) as user:
        await user.press("2", ">", "slash")
        await user.type("max>3")
        await user.press("enter")
        await user.sees("of 2,048 · mean")
        kept = shown(user)
    async with open_app(other, memory=path) as user:
        assert user.app.main.active == "prompts"
        assert len(shown(user)) == D_SAE
        assert user.app.main.features.table.sort_key == "max"
        await user.press("6")
    async with open_app(one, memory=path) as user:
        assert user.app.main.active == "features"
        assert shown(user) == kept
    async with open_app(other, memory=path) as user:
        assert user.app.main.active == "jobs"


async def test_the_engine_is_asked_only_when_the_keys_rest(world: World) -> None:
    wanted = p.MatchFeatures(sae="r1", filter="capitals")
    async with open_app(world, (80, 24)) as user:
        await user.press("2", "slash", *"capitals")
        await user.until(lambda: user.asked(p.MatchFeatures)[-1:] == [wanted])
        assert len(user.asked(p.MatchFeatures)) < len("capitals")


async def test_what_is_sorted_by_is_seen_however_narrow_the_pane(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        assert "count" not in user.line("   id ")
        await user.press("2", *[">"] * 4)
        await user.sees("count ▼")
        assert "count ▼" in user.line("   id ")


async def test_stars_and_tags_are_sorted_by(world: World) -> None:
    async with open_app(world) as user:
        world.notes["r1"][300] = p.Note(tags=("b",), starred=True)
        world.notes["r1"][40] = p.Note(tags=("a",))
        world.changed()
        await user.until(lambda: user.app.state.note(300).starred)
        await user.press("2", *["<"] * 4)
        assert user.app.main.features.table.sort_key == "star"
        assert shown(user)[0] == 300
        await user.press(">")
        assert shown(user)[:2] == [40, 300]


# While a scan goes on


async def test_the_table_follows_a_scan_and_keeps_cursor_marks_filter_and_order(
    world: World,
) -> None:
    async with open_app(world, (80, 24)) as user:
        job = world.submit(p.Scan(sae="r1"))
        world.start(job.id)
        await user.press("2", "slash")
        await user.type("density>0.001")
        await user.press("enter", ">", "down", "down", "space")
        await user.sees(" of 2,048 · mean")
        feature, marked = user.app.state.feature, set(user.app.main.features.table.marked)
        asked = len(user.asked(p.GetFeatureTable))
        world.publish(job.id, 0.37)
        await user.sees("36 % scanned")
        assert len(user.asked(p.GetFeatureTable)) == asked + 1
        assert user.app.main.features.table.row == feature
        assert user.app.main.features.table.marked == marked
        assert user.app.main.features.table.sort_key == "mean"
        assert 0 < len(shown(user)) < D_SAE
        world.scanned = 1.0
        world.finish(job.id)
        await user.until(lambda: "scanned" not in user.text)


async def test_features_appear_while_the_first_scan_goes_on(world: World) -> None:
    world.saes.clear()
    world.add_sae("r1")
    async with open_app(world, (80, 24), settled=False) as user:
        await user.press("2")
        await user.sees("is not scanned yet")
        job = world.submit(p.Scan(sae="r1"))
        world.start(job.id)
        await user.until(lambda: job.id in user.app.state.jobs.by_id)
        world.publish(job.id, 0.5)
        await user.sees("% scanned · 2,048")


async def test_labels_are_seen_beside_any_order_in_the_narrowest_pane(world: World) -> None:
    async with open_app(world, (160, 50)) as user:
        await user.press("2", "slash")
        await user.type("European")
        await user.press("enter", ">", ">", ">")
        await user.until(lambda: "density ▼" in user.line("2 Features"))
        await user.until(lambda: "label" in user.line(" id "))
