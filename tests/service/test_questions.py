"""Questions to a session worker: given up, left alone, asked again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.errors import UserError
from engine.service import protocol as p
from engine.service.client import Client, connect
from tests.service.real_engine import done, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def sae(root: Path, tiny_llama_path: Path) -> AsyncIterator[None]:
    """An SAE named `r1`, trained and scanned."""
    prompts = [p.Prompt(prompt=f"There was a dog named {i}.") for i in range(20)]
    model, sites = str(tiny_llama_path), ["resid_post.1"]
    specs: list[p.JobSpec] = [
        p.Capture(name="short", model=model, sites=sites, prompts=prompts),
        p.Train(name="r1", activations="short", width=64, k=4, tokens=2000, batch=64),
        p.Scan(sae="r1"),
    ]
    async with await connect(root) as client:
        for spec in specs:
            await done(client, spec)
    yield


def clamp(prompts: list[str], generate: int = 2) -> p.Clamp:
    edits = [p.FeatureEdit(feature=1, operation="clamp", value=5.0)]
    return p.Clamp(
        request=p.ClampRequest(sae="r1", edits=edits, prompts=prompts, generate=generate, nulls=2)
    )


ENDLESS = clamp([f"There was a dog named {i}." for i in range(3000)])
"""A question that no test waits for."""


async def begun(client: Client, question: p.Clamp) -> "asyncio.Task[p.ClampReport]":
    """The task of a question that the session worker is busy with."""
    loaded = asyncio.Event()

    def hear(body: p.Progressed | p.Noted) -> None:
        if isinstance(body, p.Progressed) and not body.phase.startswith("load"):
            loaded.set()

    asking = asyncio.create_task(client.ask(question, hear))
    async with asyncio.timeout(60):
        await loaded.wait()
    return asking


async def session(client: Client) -> int | None:
    """The session worker's process."""
    workers = (await client.ask(p.GetStatus())).workers
    return next((w.pid for w in workers if w.doing == "session"), None)


async def test_a_question_that_was_given_up_leaves_the_worker_and_what_it_loaded(
    client: Client,
) -> None:
    asking = await begun(client, ENDLESS)
    worker = await session(client)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    report = await client.ask(clamp(["Hello"]))
    assert [prompt.prompt for prompt in report.prompts] == ["Hello"]
    assert await session(client) == worker


async def test_a_question_whose_client_goes_away_is_given_up(client: Client, root: Path) -> None:
    async with await connect(root) as leaving:
        asking = await begun(leaving, ENDLESS)
        worker = await session(client)
    with pytest.raises(ConnectionError):
        await asking
    report = await client.ask(clamp(["Still here"]))
    assert [prompt.prompt for prompt in report.prompts] == ["Still here"]
    assert await session(client) == worker


async def test_giving_up_and_leaving_at_once_mixes_no_answers(client: Client, root: Path) -> None:
    leaving = await connect(root)
    asking = await begun(leaving, ENDLESS)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await leaving.close()
    sites = await client.ask(p.GetSites(model="demo"))
    assert {site.site for site in sites.sites} >= {"resid_pre.0"}
    report = await client.ask(clamp(["Mine"]))
    assert [prompt.prompt for prompt in report.prompts] == ["Mine"]


async def test_questions_of_many_wait_for_their_turn(client: Client) -> None:
    texts = ["one", "two", "three"]
    reports = await asyncio.gather(*(client.ask(clamp([text])) for text in texts))
    assert [report.prompts[0].prompt for report in reports] == texts


async def test_a_killed_session_worker_is_one_sentence_and_the_next_question_has_another(
    client: Client,
) -> None:
    asking = await begun(client, ENDLESS)
    pid = await session(client)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(UserError, match="ran out of memory"):
        await asking
    assert (await client.ask(clamp(["Again"]))).prompts[0].prompt == "Again"

    async def another() -> bool:
        return await session(client) not in (None, pid)

    await until(another)
