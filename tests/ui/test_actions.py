"""The list of actions: its laws, and that one entry in it is all that a key needs."""

import inspect
from typing import Any

import pytest

from brainsurg_tui.actions import registry
from brainsurg_tui.actions.action import Action, Needs
from brainsurg_tui.actions.registry import all_actions, bindings, register
from brainsurg_tui.app import BrainSurgery
from brainsurg_tui.layout import PANES, SHEETS
from brainsurg_tui.settings import Settings
from tests.ui.fake_engine import World
from tests.ui.session import open_app


class Probe:
    """Stands for an object: has its attributes, and takes calls that its methods would take,
    without doing anything."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def __getattr__(self, name: str) -> "Probe":
        return Probe(getattr(self._target, name))

    def __call__(self, *args: object, **kwargs: object) -> None:
        inspect.signature(self._target).bind(*args, **kwargs)


def test_every_action_says_what_it_does() -> None:
    assert all(action.title and action.help.endswith((".", "…")) for action in all_actions())


def test_two_actions_of_one_id_are_a_bug() -> None:
    with pytest.raises(ValueError, match="two actions have the id train"):
        register(Action("train", "Train twice", "Never.", run=print))


def test_no_key_means_two_things_at_one_place() -> None:
    for pane in (*PANES, *SHEETS):
        homes = {"app", "main", pane}
        if pane in ("features", "snippets", *SHEETS):
            homes.add("feature")
        keys = [
            key
            for action in all_actions()
            if action.home in homes and action.keys
            for key in action.keys.split(",")
        ]
        # a pane may give a key of the main screen its own meaning: e is edit in prompts, and tab
        # goes through the lists of a sheet
        twice = {key for key in keys if keys.count(key) > 1}
        assert twice <= ({"tab", "shift+tab"} if pane in SHEETS else {"e"})
        assert not {"ctrl+m", "ctrl+i", "ctrl+h"} & set(keys)


async def test_every_action_can_be_done(world: World) -> None:
    async with open_app(world) as user:
        for action in all_actions():
            action.run(Probe(user.app))


# One more action


@pytest.fixture
def spare(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Registers two actions, and unregisters them after the test; what they did is listed."""
    done: list[str] = []
    monkeypatch.setattr(registry, "_ACTIONS", dict(registry._ACTIONS))
    nothing = Needs(lambda state: False, lambda state: "There is no scalpel.")
    register(
        Action(
            "sharpen",
            "Sharpen the scalpel",
            "Make it sharp again.",
            run=lambda app: done.append(app.main.active),
            keys="ctrl+k",
        ),
        Action("cut", "Cut", "Cut with the scalpel.", run=print, keys="ctrl+l", needs=nothing),
    )
    return done


async def test_an_action_that_is_registered_has_its_key_and_is_in_palette_and_help(
    world: World, spare: list[str]
) -> None:
    class WithScalpel(BrainSurgery):
        BINDINGS = bindings("app")

    async with open_app(world, (120, 40), app=WithScalpel) as user:
        await user.press("3", "ctrl+k")
        assert spare == ["snippets"]
        await user.press("ctrl+l")
        await user.until(lambda: user.said("Cut: There is no scalpel."))
        await user.press("?")
        await user.type("scalpel")
        await user.sees("ctrl+k", "Make it sharp again.", "Cut (not now)")
        await user.press("escape", "colon")
        await user.type("Sharpen")
        await user.sees("Sharpen the scalpel  (ctrl+k)")
        await user.press("enter")
        await user.until(lambda: len(spare) == 2)


async def test_the_user_may_give_it_another_key(world: World, spare: list[str]) -> None:
    class WithScalpel(BrainSurgery):
        BINDINGS = bindings("app")

    settings = Settings(keys={"sharpen": "f7"})
    async with open_app(world, settings=settings, app=WithScalpel) as user:
        await user.press("ctrl+k")
        assert not spare
        await user.press("f7")
        assert spare == ["prompts"]
