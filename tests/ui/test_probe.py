"""Probing with labelled texts: the form, the job, and the features that it found."""

import csv
from pathlib import Path

from engine.service import protocol as p
from tests.ui.fake_engine import World
from tests.ui.session import Session, open_app


async def probed(user: Session, world: World, tmp_path: Path) -> None:
    """A probe that is done, chosen in the jobs pane."""
    file = tmp_path / "rivers.csv"
    file.write_text("text,label\n")
    await user.press("B")
    await user.sees("Probe with labelled texts", "text column")
    await user.press("enter")
    await user.type(str(file))
    await user.press("ctrl+s")
    await user.until(lambda: bool(user.asked(p.Submit)))
    await user.sees("6 Jobs")
    world.finish(max(user.app.state.jobs.by_id))
    await user.until(lambda: user.said("f in pane 6 shows the features."))


async def test_the_features_of_a_probe_are_shown_and_opened(world: World, tmp_path: Path) -> None:
    async with open_app(world, (120, 40)) as user:
        await probed(user, world, tmp_path)
        spec = user.asked(p.Submit)[-1].spec
        assert isinstance(spec, p.Probe)
        assert (spec.sae, spec.pool, spec.text_key) == ("r1", "mean", "text")
        assert spec.texts == [str(tmp_path / "rivers.csv")]
        await user.sees("2 labels of 90 texts", "best feature 0.910")
        await user.press("f")
        await user.sees("tells labels of rivers.csv", "best feature 0.91", "1: 0.90 · 2: 0.90")
        await user.sees("city", "0.910", "river", "0.620")
        await user.press("j")
        await user.until(lambda: user.app.state.feature == 300)
        await user.press("enter")
        await user.sees("300")
        await user.until(lambda: user.app.main.active == "detail")


async def test_what_a_probe_found_is_exported_and_asked_again(world: World, tmp_path: Path) -> None:
    async with open_app(world) as user:
        await probed(user, world, tmp_path)
        await user.press("f", "e")
        path = Path(world.workspace) / "exports" / "findings-r1.csv"
        await user.until(path.exists)
        rows = list(csv.DictReader(path.open()))
        assert [(row["id"], row["tells"], row["held_out.auc.mean"]) for row in rows] == [
            ("11", "city", "0.91"),
            ("300", "river", "0.62"),
        ]
        await user.press("R")
        await user.sees("Probe with labelled texts", "rivers.csv")


async def test_a_job_that_is_no_probe_has_no_features(world: World) -> None:
    world.finish(world.submit(p.Scan(sae="r1")).id)
    async with open_app(world) as user:
        await user.press("6", "f")
        await user.until(lambda: user.said("Choose a probe that is done; B asks for one."))
