"""Writing down what was found out, and taking it out of the program."""

import csv
import io
import json
from pathlib import Path

from engine.service import protocol as p
from tests.ui.fake_engine import World
from tests.ui.session import Session, open_app


def note(user: Session) -> p.Note:
    assert user.app.state.feature is not None
    return user.world.note("r1", user.app.state.feature)


async def test_label_tags_star_and_note_are_kept_and_undone_one_by_one(world: World) -> None:
    async with open_app(world, (120, 40)) as user:
        await user.press("2", "asterisk")
        await user.until(lambda: note(user).starred)
        await user.press("t")
        await user.type("places, #europe places")
        await user.press("enter")
        await user.until(lambda: note(user).tags == ("europe", "places"))
        await user.press("a")
        await user.type(r"look again\nsoon")
        await user.press("enter")
        await user.until(lambda: note(user).text == "look again\nsoon")
        await user.press("l")
        await user.type("towns")
        await user.press("enter")
        await user.until(lambda: note(user).label == "towns")
        assert note(user).starred
        await user.press("enter")
        await user.sees("★", "towns", "#europe #places", "look again↵soon")
        await user.press("u", "u")
        await user.until(lambda: not note(user).label and not note(user).text)
        assert note(user).tags == ("europe", "places")
        await user.press("ctrl+r")
        await user.until(lambda: note(user).text == "look again\nsoon")
        await user.press("asterisk")
        await user.until(lambda: not note(user).starred)


async def test_a_form_left_as_it_was_changes_nothing(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "l", "enter")
        await user.until(lambda: user.app.screen is user.app.main)
        assert not user.asked(p.Annotate)
        assert not user.app.state.undo_history.done


async def test_next_unlabelled_in_the_order_of_the_pane_from_the_detail_too(world: World) -> None:
    async with open_app(world) as user:
        order = list(user.app.main.features.shown_rows())
        for row in (1, 2, 4):
            world.name("r1", order[row], "named")
        world.changed()
        await user.until(lambda: user.app.state.label(order[4]) == "named")
        await user.press("2", "U")
        await user.until(lambda: user.app.state.feature == order[3])
        await user.press("enter", "U")
        await user.until(lambda: user.app.state.feature == order[5])
        await user.sees(f"Detail · {order[5]}")


async def test_everything_that_is_shown_may_have_a_label(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "slash")
        await user.type("capitals|once")
        await user.press("enter")
        await user.sees("2 of 2,048")
        await user.press("U")
        await user.until(lambda: user.said("Every feature that is shown has a label"))


async def test_marked_features_are_exported_in_three_formats(world: World) -> None:
    async with open_app(world) as user:
        world.notes["r1"][7] = p.Note(label="once|upon", tags=("a", "b"), starred=True, text="x\ny")
        world.changed()
        await user.until(lambda: user.app.state.label(7) == "once|upon")
        await user.press("2", "slash")
        await user.type("European|once")
        await user.press("enter")
        await user.sees("2 of 2,048")
        while user.app.state.feature != 7:
            await user.press("n")
        await user.press("space", "e")
        folder = Path(world.workspace) / "exports"
        await user.until((folder / "features-r1.md").exists)
        rows = list(csv.DictReader(io.StringIO((folder / "features-r1.csv").read_text())))
        assert [(row["id"], row["tags"], row["note"]) for row in rows] == [("7", "a b", "x\ny")]
        told = json.loads((folder / "features-r1.json").read_text())
        assert told[0]["tags"] == ["a", "b"]
        assert told[0]["starred"] is True
        markdown = (folder / "features-r1.md").read_text()
        assert "# Features of r1, over acts1" in markdown
        assert "| ★ | a b | once\\|upon | x y |" in markdown


async def test_snippets_are_exported_as_they_are_shown(world: World) -> None:
    async with open_app(world) as user:
        await user.press("2", "3")
        feature = user.app.state.feature
        await user.press("e")
        path = Path(world.workspace) / "exports" / f"snippets-r1-{feature}.csv"
        await user.until(path.exists)
        rows = list(csv.DictReader(path.open()))
        assert rows[0]["text"].startswith("The train from Paris")
        assert float(rows[0]["activation"]) == user.app.state.detail.max


async def label(user: Session, text: str) -> None:
    await user.press("l")
    await user.type(text)
    await user.press("enter")


async def test_what_is_labelled_leaves_the_unlabelled_and_the_next_takes_its_place(
    world: World,
) -> None:
    async with open_app(world) as user:
        pane = user.app.main.features
        await user.press("2", "slash")
        await user.type("not labelled")
        await user.press("enter")
        await user.sees("2,046 of 2,048")
        order = list(pane.shown_rows())
        await user.press("j", "j")
        await label(user, "one")
        await user.sees("2,045 of 2,048")
        await user.until(lambda: user.app.state.feature == order[3])
        await user.press("u")
        await user.sees("2,046 of 2,048")
        assert list(pane.shown_rows()) == order
        assert user.app.state.feature == order[3]


async def test_a_feature_labelled_in_its_detail_is_looked_at_until_one_leaves_it(
    world: World,
) -> None:
    async with open_app(world) as user:
        await user.press("2", "slash")
        await user.type("not labelled")
        await user.press("enter")
        await user.sees("2,046 of 2,048")
        await user.press("enter")
        feature = user.app.state.feature
        await label(user, "one")
        await user.sees(f"Detail · {feature} “one”")
        world.name("r1", 3, "by somebody else")
        world.changed()
        await user.until(lambda: user.app.state.label(3))
        assert user.app.state.feature == feature
        await user.press("escape")
        await user.sees("2,044 of 2,048")
        await user.until(lambda: user.app.state.feature != feature)
