"""Fetching what others have published, and what comes after it."""

from engine.service import protocol as p
from tests.ui.fake_engine import PUBLISHED_FOR, World
from tests.ui.session import open_app


async def test_from_a_model_to_its_published_features(empty_world: World) -> None:
    world = empty_world
    async with open_app(world, (80, 24)) as user:
        await user.press("D")
        await user.sees("Fetch a published SAE", "lab/another", "scope-res")
        await user.sees("A list (2026-10)")
        await user.press("down", "enter")  # to the model that comes next
        await user.until(lambda: user.asked(p.GetPublished)[-1].model == PUBLISHED_FOR)
        await user.sees("layer_7")
        await user.press("enter")
        await user.sees("resid_post · layers 6–8 · L0 60–80")
        await user.press("enter", "enter")
        await user.until(lambda: user.asked(p.Submit))
        spec = user.asked(p.Submit)[0].spec
        assert (spec.name, spec.source) == ("p1", "scope-res/layer_7")
        await user.sees("import-sae p1")
        world.start(1)
        world.finish(1)
        await user.sees("Next: C captures resid_post.4 for p1")

        await user.press("C")
        await user.sees(PUBLISHED_FOR, "resid_post.4")
        await user.press("escape")
        world.add_activations("acts1", tokens=500, documents=7)
        world.activations[-1] = p.ActivationsInfo(
            **{
                name: getattr(world.activations[-1], name)
                for name in world.activations[-1].__struct_fields__
                if name != "site"
            },
            site="resid_post.4",
        )
        world.changed()
        await user.sees("Next: S scans p1")
        await user.press("S", "ctrl+s")
        await user.until(lambda: len(user.asked(p.Submit)) == 2)
        scan = user.asked(p.Submit)[1].spec
        assert (scan.sae, scan.activations) == ("p1", "acts1")


async def test_another_release_has_other_saes(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("D")
        await user.sees("lab/another", "scope-res")  # nothing is known for the workspace's model
        await user.type("lab/nothing")
        await user.press("enter")
        await user.sees("No published SAE is known for lab/nothing.")
        await user.press("ctrl+s")
        await user.sees("No published SAE is known for lab/nothing.")
        assert not user.asked(p.Submit)
        await user.press("shift+tab")
        await user.type(PUBLISHED_FOR)
        await user.press("enter")
        await user.sees("scope-res", "layer_7")
        await user.press("down", "enter")
        await user.sees("mlp_out · layers 6–8")
        await user.press("down", "enter")
        await user.type("scope")
        await user.press("enter")
        await user.until(lambda: user.asked(p.Submit))
        spec = user.asked(p.Submit)[0].spec
        assert (spec.name, spec.source) == ("scope", "scope-mlp/layer_8")
