"""Text from people, files and models is shown, never obeyed."""

import msgspec
import pytest

from engine.errors import UserError
from engine.service import protocol as p
from tests.ui import fake_engine
from tests.ui.fake_engine import World
from tests.ui.session import Session, open_app

EVIL = "\x1b[2J\x1b]52;c;aGk=\x07[bold red]boo[/]\u202e[@click=app.quit]x[/]"
SHOWN = "␛[2J␛]52;c;aGk=␇[bold red]boo[/]<U+202E>"


def assert_harmless(user: Session) -> None:
    for line in user.screen:
        assert not any(ord(c) < 32 or c in "\x7f\u202e" for c in line), line


async def test_in_prompts_and_categories(world: World) -> None:
    world.prompts = [p.SavedPrompt(id=1, prompt=EVIL, category="\x1b[31mred")]
    async with open_app(world, (120, 24)) as user:
        await user.sees(SHOWN, "␛[31mred")
        assert_harmless(user)
        await user.press("e")
        await user.sees(r"\x1b[2J\x1b]52;c;aGk=\x07[bold red]boo[/]\u202e")
        assert_harmless(user)
        await user.press("ctrl+s")
        await user.until(lambda: user.asked(p.SavePrompt))
        assert user.asked(p.SavePrompt)[0].prompt == EVIL
        await user.press("y")
        await user.until(lambda: user.app.clipboard == EVIL)


async def test_in_labels_tokens_and_snippets(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def evil_detail(self: World, sae: str, feature: int) -> p.FeatureDetail:
        tokens = ["\x1b[2J", EVIL, " fine"]
        snippet = p.Snippet(
            text="".join(tokens),
            tokens=tokens,
            activations=[0, 3, 0],
            peak=1,
            document=0,
            position=1,
        )
        return p.FeatureDetail(
            id=feature,
            max=3.0,
            mean=1.0,
            density=0.1,
            documents=1,
            category=EVIL,
            selectivity=0.5,
            snippets=[snippet],
            promoted=[EVIL],
            suppressed=["\x1b[0m"],
        )

    monkeypatch.setattr(World, "detail", evil_detail)
    note = p.Note(label=EVIL, tags=(EVIL,), text=EVIL)
    world.notes["r1"] = {1686: note}
    async with open_app(world, (160, 50)) as user:
        await user.press("2")
        await user.sees("“␛[2J␛]52;c;aGk=␇[bold", "promotes")
        assert_harmless(user)
        await user.press("3", "enter")
        await user.sees("Document 0")
        assert_harmless(user)
        await user.press("escape", "2", "l")
        await user.sees(r"\x1b[2J")
        assert_harmless(user)


async def test_in_what_the_engine_refuses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(world: World, request: object) -> None:
        raise UserError(f"No {EVIL}.", "[/nothing]")

    monkeypatch.setitem(fake_engine.ANSWERS, p.RestorePrompts, refuse)
    async with open_app(world, (140, 40), toasts=True) as user:
        await user.press("d")
        await user.sees("␛[2J")
        assert_harmless(user)
        await user.press("m")
        await user.sees("Messages", SHOWN)
        assert_harmless(user)


async def test_in_jobs_and_reports(world: World) -> None:
    job = world.submit(p.Train(name="r2", activations=EVIL))
    world.start(job.id)
    world.tell(job.id, p.Noted(text=EVIL))
    world.finish(job.id, "failed", EVIL)
    world.prompts = [p.SavedPrompt(id=1, prompt=EVIL)]
    evil = {"model": EVIL, "site": EVIL}
    world.activations = [msgspec.structs.replace(world.activations[0], **evil)]
    world.saes = [msgspec.structs.replace(world.saes[0], **evil, arch=EVIL)]
    world.damaged = [p.DamagedInfo(kind="sae", name=EVIL, problem=f"Damaged: {EVIL}")]
    async with open_app(world, (160, 50)) as user:
        await user.press("6")
        await user.sees("␛[2J")
        assert_harmless(user)
        await user.press("enter")
        await user.sees(f"Job {job.id}")
        assert_harmless(user)
        await user.press("escape", "2", "c")
        await user.sees("before")
        assert_harmless(user)
        await user.press("enter")
        await user.sees("by dimension")
        assert_harmless(user)
        await user.press("escape", "w")
        await user.sees("Workspace", "can't be read", "Damaged: ")
        assert_harmless(user)
        await user.press("escape", "C")
        await user.sees("Capture activations")
        assert_harmless(user)


async def test_in_what_is_known_and_found_of_features(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fake_engine.fake_features.firing

    def evil_firing(world: World, request: p.FindFiring) -> p.Firing:
        found = real(request, {11: EVIL})
        return msgspec.structs.replace(found, tokens=[EVIL] * len(found.tokens), target=EVIL)

    def evil_relatives(world: World, request: object) -> p.Relatives:
        return p.Relatives(relatives=[p.Relative(id=3, label=EVIL, likeness=0.5)])

    monkeypatch.setitem(fake_engine.ANSWERS, p.FindFiring, evil_firing)
    monkeypatch.setitem(fake_engine.ANSWERS, p.GetCoactive, evil_relatives)
    world.notes["r1"] = {1686: p.Note(label="\x1b[2J", tags=(EVIL,), text=EVIL)}
    async with open_app(world, (160, 50)) as user:
        await user.press("2", "enter")
        await user.sees("Detail · 1686 “␛[2J", "0.500", "#␛[2J")
        assert_harmless(user)
        await user.press("1", "f")
        await user.sees("fires in", "next token “␛[2J")
        assert_harmless(user)
