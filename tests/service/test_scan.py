"""A scan of a real engine can be read while it runs, and goes on after it was killed."""

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from engine.service import protocol as p
from engine.service.client import Client, connect
from engine.workspace.folders import Workspace
from tests.service.real_engine import done, finished, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

WIDTH = 16_000
"""Wide enough for the scan to take some seconds."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def sae(root: Path, tmp_path_factory: pytest.TempPathFactory, tiny_llama_path: Path) -> str:
    texts = tmp_path_factory.mktemp("texts") / "texts.txt"
    texts.write_text("\n\n".join(f"Story {i}: once there was a dog." for i in range(4000)))
    capture = p.Capture(
        name="long", model=str(tiny_llama_path), sites=["resid_post.1"], texts=[str(texts)]
    )
    train = p.Train(
        name="wide", activations="long", arch="topk", width=WIDTH, k=8, tokens=64, batch=64
    )
    async with await connect(root) as client:
        for spec in (capture, train):
            await done(client, spec)
    return "wide"


async def seen_while_it_runs(client: Client, id: int) -> p.FeatureTable:
    """The table, as soon as there is one of more than nothing."""

    async def published() -> bool:
        job = await client.ask(p.GetJob(id=id))
        assert not job.over, job.error or "it was too quick"
        contents = await client.ask(p.GetContents())
        if not contents.saes[0].scanned:
            return False
        return (await client.ask(p.GetFeatureTable(sae="wide"))).tokens > 0

    await until(published)
    return await client.ask(p.GetFeatureTable(sae="wide"))


async def test_what_was_found_is_shown_and_a_kill_loses_nothing(client: Client, root: Path) -> None:
    workspace = Workspace(root)
    job = await client.ask(p.Submit(spec=p.Scan(sae="wide", device="cpu")))
    table = await seen_while_it_runs(client, job.id)
    assert 0 < table.tokens < table.total_tokens
    ranked = await client.ask(p.RankFeatures(sae="wide", top=1))
    assert 0 < ranked.scanned < 1
    detail = ranked.features[0]
    assert detail.snippets
    assert detail.snippets[0].activations[detail.snippets[0].peak] == pytest.approx(detail.max)

    job = await client.ask(p.GetJob(id=job.id))
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    job = await finished(client, job.id)
    assert job.state == "failed"
    assert f"Go on with: brainsurg jobs resume {job.id}" in job.error
    assert workspace.scan("wide").exists()

    await client.ask(p.ResumeJob(id=job.id))
    await asyncio.sleep(1)
    await client.ask(p.CancelJob(id=job.id))  # and interrupted once more, in the usual way
    await client.ask(p.ResumeJob(id=job.id))
    job = await finished(client, job.id)
    assert job.state == "done", job.error
    notes = [
        e.body.text
        for e in (await client.ask(p.GetEvents(job=job.id))).events
        if isinstance(e.body, p.Noted)
    ]
    assert any("goes on at token" in note for note in notes)
    assert not workspace.scan("wide").exists()
    assert (await client.ask(p.RankFeatures(sae="wide", top=1))).scanned == 1

    resumed = contents(workspace.catalogue("wide"))
    again = await client.ask(p.Submit(spec=p.Scan(sae="wide", device="cpu")))
    assert (await finished(client, again.id)).state == "done"
    assert contents(workspace.catalogue("wide")) == resumed


def contents(folder: Path) -> Mapping[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
