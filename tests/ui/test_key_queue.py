"""Keys that arrive together, as they do over a slow link: each means what it meant when typed."""

import asyncio
from pathlib import Path

from textual.events import Key, Paste

from brainsurg_tui.screens.form import Form
from engine.service import protocol as p
from tests.ui.fake_engine import World
from tests.ui.session import Session, open_app

_NAMES = {
    "\r": "enter",
    "\x1b": "escape",
    " ": "space",
    "/": "slash",
    "?": "question_mark",
    ":": "colon",
}


def arrives(user: Session, typed: str) -> None:
    """All of `typed` in one piece, before anything of it is obeyed."""
    for letter in typed:
        user.app.post_message(Key(_NAMES.get(letter, letter), letter))


async def test_a_filter_typed_in_one_go_is_a_filter(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("2")
        arrives(user, "/max>5 density<0.01\r")
        await user.sees("/max>5 density<0.01", " of 2,048")
        assert user.app.main.active == "features"
        assert not (Path(world.workspace) / "exports").exists()  # `e` would have written there


async def test_labels_typed_in_one_go_are_labels(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("2")
        arrives(user, "3lthe first\r2jlthe second\rj")
        await user.until(lambda: len(user.asked(p.Annotate)) == 2)
        first, second = user.asked(p.Annotate)
        order = list(user.app.main.features.shown_rows())
        assert (first.feature, first.note.label) == (order[0], "the first")
        assert (second.feature, second.note.label) == (order[1], "the second")
        await user.until(lambda: user.app.state.feature == order[2])


async def test_what_is_typed_while_a_form_is_sent_off_is_for_what_follows(world: World) -> None:
    gate = world.gates[p.Annotate] = asyncio.Event()
    async with open_app(world, (80, 24)) as user:
        await user.press("2")
        before = user.app.state.feature
        arrives(user, "lname\rj")
        await user.until(lambda: user.asked(p.Annotate))
        assert isinstance(user.app.screen, Form)
        gate.set()
        await user.until(lambda: user.app.state.feature not in (None, before))
        assert user.asked(p.Annotate)[-1].note.label == "name"


async def test_a_form_that_hangs_can_be_left(world: World) -> None:
    world.gates[p.Annotate] = asyncio.Event()
    async with open_app(world, (80, 24)) as user:
        await user.press("2")
        arrives(user, "lname\r")
        await user.until(lambda: user.asked(p.Annotate))
        await user.press("escape")
        await user.until(lambda: not isinstance(user.app.screen, Form))


async def test_a_paste_waits_for_its_field_too(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("2")
        arrives(user, "l")
        user.app.post_message(Paste("pasted"))
        arrives(user, "\r")
        await user.until(lambda: user.asked(p.Annotate))
        assert user.asked(p.Annotate)[-1].note.label == "pasted"


async def test_a_dialog_that_is_left_does_not_swallow_what_follows(world: World) -> None:
    async with open_app(world, (80, 24)) as user:
        await user.press("2")
        order = list(user.app.main.features.shown_rows())
        arrives(user, "?\x1bjl\x1bj:\x1bj")
        await user.until(lambda: user.app.state.feature == order[3])
