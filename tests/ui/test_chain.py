"""From a prompt to a clamped feature, by keyboard alone."""

import asyncio

import pytest

from engine.service import protocol as p
from tests.ui.fake_engine import World
from tests.ui.session import open_app


async def test_the_whole_chain_needs_only_enter(empty_world: World) -> None:
    world = empty_world
    async with open_app(world, (80, 24)) as user:
        await user.sees("Next: C captures activations")

        await user.press("C")
        await user.until(lambda: user.asked(p.GetSites))
        await user.sees("resid_post.2")
        await user.press(*["enter"] * 8)
        await user.until(lambda: user.asked(p.Submit))
        capture = user.asked(p.Submit)[0].spec
        assert capture.model == "demo"
        assert capture.sites == ["resid_post.2"]
        assert [prompt.prompt for prompt in capture.prompts] == [q.prompt for q in world.prompts]
        assert (capture.chat, capture.model_dtype) == (False, "auto")
        world.start(1)
        world.finish(1)
        await user.sees("Next: T trains an SAE")

        await user.press("T", *["enter"] * 8)
        await user.until(lambda: len(user.asked(p.Submit)) == 2)
        train = user.asked(p.Submit)[1].spec
        assert (train.activations, train.arch, train.width) == (capture.name, "topk", None)
        world.start(2)
        for step in range(100, 1001, 100):
            world.report(2, step)
        await user.sees("5 Loss · r1 · loss", "1,000 / 1,000", "fvu")
        world.finish(2)
        await user.sees("Next: S scans r1")

        await user.press("S", "enter", "enter")
        await user.until(lambda: len(user.asked(p.Submit)) == 3)
        assert user.asked(p.Submit)[2].spec.sae == "r1"
        world.start(3)
        world.finish(3)
        await user.until(lambda: user.app.state.table is not None)

        await user.press("2", "down", "c")
        await user.sees("4 Clamp", "before", "after", "no-op ✓", "error kept ✓")
        request = user.asked(p.Clamp)[-1].request
        assert request.edits[0].feature == user.app.state.feature
        assert (request.edits[0].value, request.edits[0].unit) == (1.0, "max")
        assert len(request.prompts) == 7


async def test_a_form_keeps_what_was_typed_when_the_engine_objects(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("T", *["enter"] * 7)
        await user.type("r1")
        await user.press("enter")
        await user.sees("There is an SAE r1 already. Choose another name.")
        await user.press("backspace", "7", "enter")
        await user.until(lambda: 1 in user.world.jobs)
        assert user.world.jobs[1].spec.name == "r7"


async def test_a_number_that_is_none_is_objected_to_in_the_form(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("T", "enter", "enter")
        await user.type("many")
        await user.press("ctrl+s")
        await user.sees("features: 'many' is no number.")
        assert not user.asked(p.Submit)


async def test_numbers_may_be_written_as_people_write_them(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("T", "enter", "enter")
        await user.type("24,576")
        await user.press("enter", "enter")
        await user.type("1e6")
        await user.press("ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        spec = user.asked(p.Submit)[0].spec
        assert (spec.width, spec.tokens) == (24_576, 1_000_000)


async def test_choices_turn_with_the_arrows(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("T", "enter", "down", "ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        assert user.asked(p.Submit)[0].spec.arch == "batchtopk"


async def test_text_is_captured_from_a_path(world: World, tmp_path_factory) -> None:
    corpus = tmp_path_factory.mktemp("texts") / "stories.txt"
    corpus.write_text("Once.\n\nTwice.")
    async with open_app(world) as user:
        await user.press("C")
        await user.type(str(corpus))
        await user.press("ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        spec = user.asked(p.Submit)[0].spec
        assert (spec.texts, spec.prompts, spec.generate) == ([str(corpus)], [], 0)


async def test_a_path_that_is_not_there_is_objected_to(world: World) -> None:
    async with open_app(world) as user:
        await user.press("I")
        await user.type("/no/such/folder")
        await user.press("enter", "enter")
        await user.sees("There is no '/no/such/folder'.")


async def test_activations_go_in_and_out_in_the_seeds_format(world: World, tmp_path) -> None:
    async with open_app(world) as user:
        await user.press("I")
        await user.type(str(tmp_path))
        await user.press("enter", "enter")
        await user.until(lambda: user.asked(p.Submit))
        await user.press("O", "enter", "enter")
        await user.until(lambda: len(user.asked(p.Submit)) == 2)
        read, write = (request.spec for request in user.asked(p.Submit))
        assert (read.name, read.folder) == ("imported1", str(tmp_path))
        assert (write.name, write.folder.endswith("acts1-export")) == ("acts1", True)


async def test_a_model_that_is_not_there_is_told_while_the_form_is_open(world: World) -> None:
    async with open_app(world) as user:
        await user.press("C", "enter")
        await user.type("nowhere")
        await user.press("enter")
        await user.sees("There is no model nowhere.")


async def test_marked_prompts_are_captured_alone(world: World) -> None:
    async with open_app(world) as user:
        await user.press("1", "space", "down", "down", "space", "C", "ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        prompts = user.asked(p.Submit)[0].spec.prompts
        assert [prompt.category for prompt in prompts] == ["story", "code"]


async def test_a_letter_takes_the_only_choice_it_leaves_and_space_turns(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "f")
        await user.type("train")
        await user.press("enter", "n", "enter")
        await user.sees("case counts     no", "'n' is taken for no")
        await user.press("space")
        await user.sees("case counts     yes")
        await user.press("q", "enter")
        await user.sees("'q' is none of the choices")
        assert not user.asked(p.Grep)
        await user.press("backspace", "n", "o", "enter")
        await user.until(lambda: user.asked(p.Grep))
        assert user.asked(p.Grep)[0].ignore_case


@pytest.mark.parametrize("key", ["T", "F", "C"])
async def test_a_form_stands_still_while_one_goes_through_it(world: World, key: str) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("1", key)
        await user.until(lambda: user.app.focused is not None and user.app.screen.query(".dialog"))
        regions = set()
        for _ in user.app.screen.query("Input"):
            await user.pilot.pause(0.05)
            regions.add(user.app.screen.query_one(".dialog").region)
            await user.press("tab")
        assert len(regions) == 1


async def test_a_form_says_that_a_model_is_loaded_for_its_choices(empty_world: World) -> None:
    gate = empty_world.gates[p.GetSites] = asyncio.Event()
    async with open_app(empty_world, (80, 24)) as user:
        await user.settled()
        await user.press("C")
        await user.sees("to see where it can be observed …")
        gate.set()
        await user.sees("resid_post.2")
        await user.until(lambda: "to see where it can be observed" not in user.text)


async def test_the_middle_site_of_the_model_that_was_chosen_is_offered(empty_world: World) -> None:
    async with open_app(empty_world, (80, 24)) as user:
        await user.press("C")
        await user.sees("resid_post.2")
        await user.press("enter", *["backspace"] * 4)
        await user.type("deep")
        await user.press("enter")
        await user.sees("resid_post.4")
        assert "continue by" in user.text
        await user.press("shift+tab", "shift+tab")
        await user.type("stories.json")
        await user.until(lambda: "continue by" not in user.text)


async def test_a_site_that_was_typed_stays_beside_another_model(empty_world: World) -> None:
    async with open_app(empty_world, (80, 24)) as user:
        await user.press("C")
        await user.sees("resid_post.2")
        await user.press("enter", "enter")
        await user.type("resid_post.1")
        await user.press("shift+tab")
        await user.type("deep")
        await user.press("enter")
        await user.until(lambda: len(user.asked(p.GetSites)) == 2)
        await user.settled()
        await user.press("ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        assert user.asked(p.Submit)[0].spec.sites == ["resid_post.1"]


async def test_an_instruct_models_chat_template_is_offered_by_name(empty_world: World) -> None:
    async with open_app(empty_world, (80, 24)) as user:
        await user.press("C")
        await user.until(lambda: user.asked(p.GetSites))
        await user.sees("resid_post.2")
        assert "chat template" not in user.text
        await user.press("enter", *["backspace"] * 4)
        await user.type("instruct")
        await user.press("enter")
        await user.sees("chat template", "default", "system")
        await user.press(*["enter"] * 3, "down", "enter")
        await user.type("Be brief.")
        await user.press("enter", "down", "down", "ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        capture = user.asked(p.Submit)[0].spec
        assert (capture.chat, capture.chat_template) == (True, "rag")
        assert (capture.system, capture.model_dtype) == ("Be brief.", "bfloat16")
