"""All that is known of one feature, its other examples, and the way from feature to feature."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from engine.errors import UserError
from engine.service import protocol as p
from tests.ui import fake_engine
from tests.ui.fake_engine import World
from tests.ui.session import Session, open_app


def feature(user: Session) -> int:
    found = user.app.state.feature
    assert found is not None
    return found


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_enter_shows_all_of_a_feature_at_every_size(
    world: World, size: tuple[int, int]
) -> None:
    async with open_app(world, size) as user:
        await user.press("2", "enter")
        await user.sees(
            "Detail · ", "std ", "prefers story (0.620) · max", "highest bar 160 tokens"
        )
        await user.sees("promotes", "suppresses", "nearest", "together", "examples: top")
        await user.sees("story", "news", "0.0310")
        await user.sees("0.900", "0.800", "The train from Paris")
        assert {len(line) for line in user.screen} == {size[0]}
        await user.press("escape")
        await user.until(lambda: user.app.main.active == "features")


async def test_parts_are_shown_as_they_arrive_and_relatives_only_where_they_are_seen(
    world: World,
) -> None:
    gates = {kind: asyncio.Event() for kind in (p.GetNearest, p.GetCoactive, p.GetFeature)}
    async with open_app(world, (120, 40)) as user:
        world.gates.update(gates)
        await user.press("2", "down", "enter")
        await user.sees(f"Detail · {feature(user)}")
        assert not user.asked(p.GetNearest)[:-1]
        gates[p.GetCoactive].set()
        await user.sees("0.900")
        gates[p.GetFeature].set()
        await user.sees("examples: top", "promotes")
        world.gates[p.GetNearest].set()
        await user.until(lambda: user.text.count("0.900") == 2)


async def test_why_there_are_no_relatives_is_said_in_their_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(world: World, request: object) -> None:
        raise UserError("The scan goes on.")

    monkeypatch.setitem(fake_engine.ANSWERS, p.GetCoactive, refuse)
    async with open_app(world, (120, 40)) as user:
        await user.press("2", "enter")
        await user.sees("The scan goes on.", "0.900")
        assert not user.said("The scan goes on.")


async def test_enter_goes_to_a_relative_and_back_comes_from_it(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("2", "enter")
        first = feature(user)
        await user.sees("0.900")
        await user.press("tab", "down", "enter")
        await user.until(lambda: feature(user) == first + 2)
        await user.sees(f"Detail · {first + 2}")
        assert user.app.main.features.table.row == first + 2
        await user.press("H")
        await user.sees(f"Detail · {first} ")
        await user.press("L")
        await user.sees(f"Detail · {first + 2}")


async def test_next_and_previous_in_the_order_of_the_features_pane(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", ">", "enter")
        order = list(user.app.main.features.shown_rows())
        start = order.index(feature(user))
        await user.press("n", "n")
        await user.until(lambda: feature(user) == order[start + 2])
        await user.press("N")
        await user.sees(f"Detail · {order[start + 1]}")


async def test_nearest_in_another_sae_and_on_to_it(world: World) -> None:
    world.add_sae("r0", scanned=True)
    world.name("r0", 1687, "name in the other")
    async with open_app(world, (120, 40)) as user:
        user.app.controllers.features.choose_sae("r1")
        await user.until(lambda: user.app.state.feature == 1686)
        await user.press("2", "enter", "v")
        await user.sees("Nearest features in", "r0  topk")
        await user.press("b")
        await user.sees("in r0", "name in the other")
        assert user.asked(p.GetNearest)[-1].other == "r0"
        await user.press("n")
        await user.press("N")
        await user.sees("name in the other")
        assert sum("other texts" in said.text for said in user.app.state.messages) == 1
        await user.press("tab", "enter")
        await user.until(lambda: (user.app.state.sae, user.app.state.feature) == ("r0", 1687))
        await user.sees("Detail · 1687 “name in the other”")
        await user.press("H")
        await user.until(lambda: (user.app.state.sae, user.app.state.feature) == ("r1", 1686))


async def test_the_feature_of_the_detail_is_clamped_even_where_a_filter_hides_it(
    world: World,
) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("2", "slash")
        await user.type("capitals")
        await user.press("enter")
        await user.until(lambda: feature(user) == 11)
        await user.press("enter")
        await user.sees("Detail · 11", "0.900")
        await user.press("tab", "enter")
        await user.sees("Detail · 12 ")
        await user.press("c")
        await user.until(lambda: user.asked(p.Clamp))
        assert [edit.feature for edit in user.asked(p.Clamp)[-1].request.edits] == [12]


async def test_no_other_sae_is_said(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "enter", "v")
        await user.until(lambda: user.said("There is no other SAE"))


async def test_a_detail_is_exported_and_copied(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "enter")
        await user.sees("examples: top", "0.9")
        await user.press("e", "y")
        path = Path(world.workspace) / "exports" / f"feature-r1-{feature(user)}.json"
        await user.until(path.exists)
        told = json.loads(path.read_text())
        assert told["feature"]["id"] == feature(user)
        assert len(told["examples"]["snippets"]) == 12
        assert "promotes" in user.app.clipboard


# Examples


async def test_brackets_walk_from_the_top_to_the_silent_and_back(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("3", "right_square_bracket")
        await user.sees("90–100 % of activations")
        assert user.asked(p.GetSnippets)[-1].band == 9
        await user.press(*["right_square_bracket"] * 3)
        await user.sees("60–70 % of activations")
        await user.until(lambda: len(user.app.main.snippets.table.order or ()) == 0)
        await user.press(*["right_square_bracket"] * 9)
        await user.sees("· silent")
        await user.until(lambda: user.app.main.snippets.table.shown == 2)
        assert user.asked(p.GetSnippets)[-1].kind == "silent"
        await user.press(*["left_square_bracket"] * 11)
        await user.sees("· top")
        await user.until(lambda: user.app.main.snippets.table.shown == 12)


async def test_another_feature_begins_at_its_top(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("2", "right_square_bracket")
        await user.sees("90–100 %")
        await user.press("down")
        await user.sees(f"3 Snippets · {feature(user)} · top")


async def test_windows_are_widened_and_narrowed(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.until(lambda: user.app.main.snippets._snippets)
        whole = user.app.main.snippets._snippets[0].tokens
        await user.press("3", *["i"] * 5)
        await user.until(lambda: len(user.app.main.snippets._snippets[0].tokens) < 5)
        assert "everybody" not in user.text
        await user.press(*["o"] * 8)
        await user.until(lambda: user.app.main.snippets._snippets[0].tokens == whole)


async def test_why_there_is_no_example_is_said_in_its_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def textless(world: World, request: object) -> p.SnippetList:
        return p.SnippetList(snippets=[], textless="The activations were deleted.")

    monkeypatch.setitem(fake_engine.ANSWERS, p.GetSnippets, textless)
    async with open_app(world) as user:
        await user.press("3", "right_square_bracket")
        await user.sees("The activations were deleted.")


async def test_enter_opens_the_whole_document_at_the_peak(world: World) -> None:
    gate = world.gates[p.GetDocument] = asyncio.Event()
    async with open_app(world, (60, 16)) as user:
        await user.press("3", "enter")
        await user.sees("Document 0", "reading the whole document")
        gate.set()
        await user.sees("tokens, active on")
        document = user.app.screen
        assert len(document._shown.tokens) > 150
        box = document.query_one("VerticalScroll")
        await user.press("p")
        await user.until(lambda: box.scroll_offset.y > 0)


async def test_a_document_that_can_not_be_read_is_said_over_the_snippet(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(world: World, request: object) -> None:
        raise UserError("The activations acts1 are gone.")

    monkeypatch.setitem(fake_engine.ANSWERS, p.GetDocument, refuse)
    async with open_app(world, (80, 24)) as user:
        await user.press("3", "enter")
        await user.sees("The activations acts1 are gone.", "platform")


async def test_a_token_that_begins_a_word_is_told_from_one_that_goes_on_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    detail = World.detail

    def ambiguous(self: World, sae: str, feature: int) -> p.FeatureDetail:
        known = detail(self, sae, feature)
        return msgspec.structs.replace(known, promoted=[" she", "she", " ", "\n"])

    monkeypatch.setattr(World, "detail", ambiguous)
    async with open_app(world) as user:
        await user.press("3")
        await user.sees("promotes    ␣she  she  ␣  ↵")
