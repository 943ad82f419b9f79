"""Pane 4: trying edits."""

import asyncio
import csv
import json
from pathlib import Path

import msgspec

from engine.service import protocol as p
from tests.ui.fake_engine import World
from tests.ui.session import Session, open_app


def last(user: Session) -> p.ClampRequest:
    return user.asked(p.Clamp)[-1].request


async def clamped(user: Session) -> None:
    await user.press("2", "c")
    await user.until(lambda: user.app.state.clamp.report is not None)


async def test_the_report_in_numbers_and_texts(world: World) -> None:
    async with open_app(world) as user:
        await clamped(user)
        await user.sees("no-op ✓", "HF ✓", "error kept ✓", "BOS ✓", "sinks ✓")
        row = user.line("Once upon")
        assert "0.0310" in row
        assert "0.0800" in row
        assert "0.031 [0.010–0.080]" in row
        assert "0.048" in row
        assert "there was a▸ little girl" in user.line("before")
        assert "there was a▸ big city" in user.line("after  ")
        await user.sees("! 315 training vectors for 2,048 features: this memorises.")


async def test_top_dimensions_are_pairs_of_token_and_dimension(world: World) -> None:
    async with open_app(world, (140, 40)) as user:
        await clamped(user)
        await user.press("z")
        await user.sees("(0,38) (1,38) (9,38)")
        await user.press("enter")
        await user.sees("p = 0.048", "largest changes")
        await user.press("G")
        await user.sees("by dimension", "brainsurg clamp r1")


async def test_what_is_measured_beside_kl_is_tested(world: World) -> None:
    async with open_app(world, (110, 40)) as user:
        await clamped(user)
        await user.press("z")
        await user.sees("kl +2.50 nats  p 0.048  20 features: -0.250…+0.500")
        await user.press("f", *["tab"] * 5)
        await user.type("logp: Paris,Lyon ; promoted")
        await user.press("tab")
        await user.type("10..200")
        await user.press("tab", "down", "ctrl+s")
        await user.until(lambda: last(user).measures != [])
        request = last(user)
        assert request.measures == ["logp:Paris,Lyon", "promoted:10"]
        assert (request.nulls, request.most_nulls, request.null) == (10, 200, "directions")
        await user.sees("logp:Paris,Lyon +5.00 nats", "promoted:10 +7.50 nats")
        row = user.line("Once upon")
        assert "+4.50" in row
        assert "-0.250…+0.500" in row
        assert "0.095" in row


async def test_measures_outlive_a_view_that_has_none(world: World) -> None:
    async with open_app(world, (110, 40)) as user:
        await clamped(user)
        await user.press("f", *["tab"] * 5)
        await user.type("promoted:10")
        await user.press("ctrl+s")
        await user.until(lambda: last(user).measures == ["promoted:10"])
        await user.press("f", *["tab"] * 3, "down", "ctrl+s")
        await user.until(lambda: last(user).view != "model")
        await user.press("v")
        await user.until(lambda: last(user).view == "model")
        assert last(user).measures == ["promoted:10"]


async def test_a_measure_that_is_none_is_refused_in_the_form(world: World) -> None:
    async with open_app(world) as user:
        await clamped(user)
        asked = len(user.asked(p.Clamp))
        await user.press("f", *["tab"] * 5)
        await user.type("loudness")
        await user.press("ctrl+s")
        await user.sees("'loudness' is no measure.")
        assert len(user.asked(p.Clamp)) == asked


async def test_the_curve_over_strengths_comes_and_goes_by_one_key(world: World) -> None:
    async with open_app(world, (110, 40)) as user:
        await clamped(user)
        await user.press("z", "s")
        await user.until(lambda: last(user).strengths == [*p.USUAL_STRENGTHS])
        await user.sees("kl, nats: onset 0.5, text breaks down at 5", "━ edit", "━ nulls 5 %")
        await user.press("s")
        await user.until(lambda: last(user).strengths == [])
        await user.until(lambda: "━ edit" not in user.text)


async def test_where_there_is_but_one_strength_no_curve_is_asked_for(world: World) -> None:
    async with open_app(world) as user:
        await clamped(user)
        await user.press("s")
        await user.until(lambda: last(user).strengths != [])
        await user.press("o")
        await user.until(lambda: last(user).edits[0].operation == "ablate")
        assert last(user).strengths == []


async def test_strength_walks_down_past_zero_and_the_engine_is_asked_once_at_rest(
    world: World,
) -> None:
    async with open_app(world) as user:
        await clamped(user)
        asked = len(user.asked(p.Clamp))
        await user.press(*["minus"] * 6)
        await user.until(lambda: user.app.state.clamp.report.edits[0].value == -3)
        assert len(user.asked(p.Clamp)) == asked + 1
        await user.press("plus")
        await user.until(lambda: user.app.state.clamp.report.edits[0].value == -2)


async def test_operation_view_zero_and_remove(world: World) -> None:
    async with open_app(world) as user:
        await clamped(user)
        await user.press("o")
        await user.until(lambda: last(user).edits[0].operation == "ablate")
        await user.press("v")
        await user.until(lambda: last(user).view == "reconstruction")
        await user.sees("not run through the model", "by construction")
        await user.press("0")
        await user.until(
            lambda: (last(user).edits[0].operation, last(user).edits[0].value) == ("clamp", 0)
        )
        await user.press("x")
        await user.sees("choose a feature in pane 2, press c")


async def test_marked_features_are_clamped_together(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "space", "down", "space", "c")
        await user.until(lambda: user.asked(p.Clamp))
        assert len(last(user).edits) == 2
        await user.press("x")
        await user.until(lambda: len(last(user).edits) == 1)


async def test_settings_are_typed(world: World) -> None:
    async with open_app(world) as user:
        await clamped(user)
        await user.press("f", "down", "enter", "ctrl+s")
        await user.until(lambda: last(user).edits[0].operation == "ablate")
        await user.press("f", "up", "enter")
        await user.type("2.5")
        await user.press("enter", "down", "ctrl+s")
        await user.until(lambda: last(user).edits[0].unit == "absolute")
        assert (last(user).edits[0].operation, last(user).edits[0].value) == ("clamp", 2.5)
        await user.press("f", "enter")
        await user.type("strong")
        await user.press("ctrl+s")
        await user.sees("value: 'strong' is no number.")


async def test_a_report_that_comes_too_late_is_dropped(world: World) -> None:
    async with open_app(world) as user:
        gate = world.gates[p.Clamp] = asyncio.Event()
        await user.press("2", "c")
        await user.until(lambda: user.asked(p.Clamp))
        await user.press("plus")
        gate.set()
        await user.until(lambda: user.app.state.clamp.report is not None)
        assert user.app.state.clamp.report.edits[0].value == 2.0
        assert user.app.state.clamp.progress is None


async def test_progress_of_a_long_clamp_is_told(world: World) -> None:
    async with open_app(world) as user:
        gate = world.gates[p.Clamp] = asyncio.Event()
        await user.press("2", "c")
        await user.until(lambda: user.asked(p.Clamp))
        world.question_progress(3, 7)
        await user.sees("clamp 3/7")
        gate.set()
        await user.sees("before")


async def test_export_holds_the_whole_report(world: World) -> None:
    async with open_app(world) as user:
        await clamped(user)
        await user.press("e")
        folder = Path(world.workspace) / "exports"
        [path] = folder.glob("clamp-*.json")
        report = json.loads(path.read_text())
        assert [(dim["token"], dim["dim"]) for dim in report["prompts"][0]["top_dims"]] == [
            (0, 38),
            (1, 38),
            (9, 38),
            (9, 12),
            (2, 7),
        ]
        [table] = folder.glob("clamp-*.csv")
        assert table.name == "clamp-r1-1686-clamp-1max-model.csv"
        rows = list(csv.DictReader(table.open(newline="")))
        report = report["prompts"][0]
        assert rows[0] == {
            "prompt": report["prompt"],
            "mean_abs_diff": str(report["mean_abs_diff"]),
            "max_abs_diff": str(report["max_abs_diff"]),
            "kl": str(report["kl"]),
            "delta_ce": "0.12",
            "null_mean": "0.031",
            "null_low": "0.01",
            "null_high": "0.08",
            "null_features": "20",
            "p": "0.048",
            "before": report["baseline_text"],
            "after": report["edited_text"],
        }


async def test_an_export_never_replaces_another(world: World) -> None:
    folder = Path(world.workspace) / "exports"
    async with open_app(world) as user:
        await clamped(user)
        await user.press("e")
        await user.until(lambda: len(list(folder.iterdir())) == 4)
        before = {path: path.read_bytes() for path in folder.iterdir()}
        await user.press("e", "plus")
        await user.until(lambda: user.app.state.clamp.report.edits[0].value == 2.0)
        await user.press("e")
        await user.until(lambda: len(list(folder.iterdir())) == 12)
        assert all(path.read_bytes() == was for path, was in before.items())
        assert sorted(path.name for path in folder.glob("*.csv")) == [
            "clamp-r1-1686-clamp-1max-model-2.csv",
            "clamp-r1-1686-clamp-1max-model.csv",
            "clamp-r1-1686-clamp-2max-model.csv",
        ]


async def test_without_features_the_pane_says_what_comes_first(empty_world: World) -> None:
    async with open_app(empty_world) as user:
        await user.press("4", "c")
        await user.sees("features come first")
        assert not user.asked(p.Clamp)


async def test_a_marked_feature_that_a_filter_hides_is_not_clamped(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "space", "down", "space")
        await user.sees("2 marked")
        await user.press("slash")
        await user.type("European|once")
        await user.press("enter")
        await user.sees("2 marked, 2 hidden")
        await user.until(lambda: user.app.state.feature == 7)
        await user.press("c")
        await user.until(lambda: user.asked(p.Clamp))
        assert [edit.feature for edit in last(user).edits] == [7]


async def test_one_key_takes_all_marks_off(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "space", "down", "space", "down")
        await user.sees("2 marked")
        await user.press("M")
        await user.until(lambda: "marked" not in user.text)
        await user.press("c")
        await user.until(lambda: user.asked(p.Clamp))
        assert len(last(user).edits) == 1


async def test_marks_in_a_list_that_is_not_seen_are_not_meant(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("2", "space", "down", "space", "down", "3")
        await user.sees(f"3 Snippets · {user.app.state.feature}")
        await user.press("c")
        await user.until(lambda: user.asked(p.Clamp))
        assert [edit.feature for edit in last(user).edits] == [user.app.state.feature]


async def test_the_clamp_says_how_many_prompts_it_is_run_on(world: World) -> None:
    async with open_app(world) as user:
        await clamped(user)
        await user.sees("7 prompts")
        await user.press("1", "space", "down", "space", "4")
        await user.sees("2 of 7 prompts")
        await user.press("c")
        await user.until(lambda: len(last(user).prompts) == 2)
        await user.press("1", "slash")
        await user.type("Once")
        await user.press("enter", "4")
        await user.sees("1 of 7 prompts")


async def test_earlier_reports_are_opened_again_after_a_restart(world: World) -> None:
    async with open_app(world) as user:
        await clamped(user)
        await user.press("minus")
        await user.until(lambda: len(world.clamps) == 2)
    chat = p.Chat(template="rag", system="Be brief.")
    world.clamps[1] = msgspec.structs.replace(
        world.clamps[1], request=msgspec.structs.replace(world.clamps[1].request, chat=chat)
    )
    async with open_app(world) as user:
        await user.press("4")
        await user.sees("Nothing clamped yet", "r here opens an")
        await user.press("r")
        await user.sees("Earlier clamps", "= 1× max", "= 0.5× max", "2023-11-14")
        await user.press("down", "enter")
        await user.until(lambda: user.app.state.clamp.report is not None)
        await user.sees("= 1× max", "no-op ✓", "there was a▸ big city")
        assert user.app.state.clamp.draft.edits == tuple(world.clamps[1].request.edits)
        assert user.app.state.clamp.draft.chat == chat
        assert not user.asked(p.Clamp)[2:]
        await user.press("r")
        await user.sees("Earlier clamps")
        await user.press("d")
        await user.until(lambda: list(world.clamps) == [1])


async def test_a_report_of_an_sae_that_is_gone_is_shown_without_a_draft(world: World) -> None:
    async with open_app(world) as user:
        await clamped(user)
    world.clamps[1] = msgspec.structs.replace(
        world.clamps[1], request=msgspec.structs.replace(world.clamps[1].request, sae="gone")
    )
    async with open_app(world) as user:
        await user.press("4", "r")
        await user.sees("Earlier clamps", "gone")
        await user.press("enter")
        await user.sees("no-op ✓", "there was a▸ big city")
        assert user.said("isn't there any more")
        assert not user.app.state.clamp.draft.edits
        await user.press("enter")
        await user.sees("not edited: 0 Once (attention sink)")
