"""Jobs of a real engine: what becomes of them, whatever happens to their workers."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import pytest

from engine.errors import UserError
from engine.service import protocol as p
from engine.service.client import Client, connect
from tests.service.real_engine import alive, finished, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDLESS = 10**12
"""Training tokens that no test waits for."""


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "texts.json"
    path.write_text(json.dumps([f"Story {i}: once there was a dog named {i}." for i in range(40)]))
    return path


async def training(client: Client, name: str, tokens: int = ENDLESS) -> p.JobInfo:
    """A training job that has made its first steps."""
    spec = p.Train(name=name, activations="short", width=64, k=4, tokens=tokens, batch=64)
    job = await client.ask(p.Submit(spec=spec))

    async def stepping() -> bool:
        now = await client.ask(p.GetJob(id=job.id))
        assert not now.over, now.error
        return now.progress is not None and now.progress.phase == "train"

    await until(stepping, 60)
    return await client.ask(p.GetJob(id=job.id))


@pytest.fixture(scope="module")
def short(texts: Path, tiny_llama_path: Path) -> p.Capture:
    """The capture that the other tests train on."""
    return p.Capture(
        name="short", model=str(tiny_llama_path), sites=["resid_post.1"], texts=[str(texts)]
    )


async def test_a_capture_runs_to_its_result(client: Client, short: p.Capture) -> None:
    job = await client.ask(p.Submit(spec=short))
    job = await finished(client, job.id)
    assert job.state == "done", job.error
    assert isinstance(job.result, p.CaptureResult)
    assert job.result.documents == 40
    contents = await client.ask(p.GetContents())
    assert [a.name for a in contents.activations] == ["short"]
    summary = await client.ask(p.GetSummary(name="short"))
    assert (summary.prompts, summary.vectors) == (40, job.result.tokens)


async def test_mistakes_are_told_before_anything_is_queued(client: Client) -> None:
    before = len((await client.ask(p.ListJobs())).jobs)
    wrong: list[tuple[p.JobSpec, str]] = [
        (p.Train(name="x", activations="nothing"), "no activation set 'nothing'"),
        (p.Train(name="../x", activations="short"), "can't be a name"),
        (p.Train(name="x", activations="short", width=4, k=8), "k is 8"),
        (p.Train(name="x", activations="short", lr=float("nan")), "learning rate"),
        (p.Train(name="x", activations="short", arch="vanilla"), "no architecture"),
        (p.Scan(sae="nothing"), "no SAE 'nothing'"),
        (p.Capture(name="x", model="demo", sites=["resid_mid.1"], texts=["/"]), "resid_mid"),
        (p.Capture(name="x", model="demo", sites=["resid_post.1"]), "exactly one"),
        (p.ImportActivations(name="x", folder="/nowhere"), "no folder"),
    ]
    for spec, sentence in wrong:
        with pytest.raises(UserError, match=sentence):
            await client.ask(p.Submit(spec=spec))
    assert len((await client.ask(p.ListJobs())).jobs) == before


async def test_a_missing_model_fails_the_job_and_loses_nothing(
    client: Client, tmp_path: Path, texts: Path
) -> None:
    before = (await client.ask(p.GetContents())).activations
    for model in (str(tmp_path / "missing"), str(tmp_path)):
        spec = p.Capture(name="none", model=model, sites=["resid_post.0"], texts=[str(texts)])
        job = await finished(client, (await client.ask(p.Submit(spec=spec))).id)
        assert job.state == "failed"
        assert "Traceback" not in job.error
        assert model in job.error
    assert (await client.ask(p.GetContents())).activations == before


async def test_a_late_front_end_sees_the_whole_past_and_goes_on_live(
    client: Client, root: Path
) -> None:
    await client.ask(p.Watch())
    job = await training(client, "late")
    async with await connect(root) as late:
        await late.ask(p.Watch())
        past = (await late.ask(p.GetEvents(job=job.id))).events
        states = [e.body.state for e in past if isinstance(e.body, p.StateChanged)]
        assert states[:2] == ["queued", "running"]
        assert any(isinstance(e.body, p.Progressed) and "loss" in e.body.metrics for e in past)
        async for news in late.news():
            if isinstance(news, p.Event) and news.job == job.id and news.seq > past[-1].seq:
                break
        whole = (await late.ask(p.GetEvents(job=job.id))).events
        assert whole[: len(past)] == past
        assert [e.seq for e in whole] == sorted({e.seq for e in whole})
    await client.ask(p.CancelJob(id=job.id))


async def test_cancel_stops_a_job_within_a_second(client: Client) -> None:
    job = await training(client, "cancelled")
    assert job.pid is not None
    began = time.monotonic()
    job = await client.ask(p.CancelJob(id=job.id))
    assert time.monotonic() - began < 1.0
    assert job.state == "cancelled"
    assert "cancelled" not in [s.name for s in (await client.ask(p.GetContents())).saes]
    with pytest.raises(UserError, match="over already"):
        await client.ask(p.CancelJob(id=job.id))


async def test_a_paused_job_holds_lets_others_run_and_goes_on(client: Client) -> None:
    job = await training(client, "held")
    job = await client.ask(p.PauseJob(id=job.id))
    assert job.state == "paused"
    await asyncio.sleep(0.6)
    held = (await client.ask(p.GetJob(id=job.id))).progress
    other = await training(client, "other", tokens=2000)
    assert (await finished(client, other.id)).state == "done"
    assert (await client.ask(p.GetJob(id=job.id))).progress == held
    await client.ask(p.ResumeJob(id=job.id))

    async def moves() -> bool:
        return (await client.ask(p.GetJob(id=job.id))).progress != held

    await until(moves)
    await client.ask(p.CancelJob(id=job.id))


async def test_a_killed_worker_fails_its_job_and_the_next_one_runs(client: Client) -> None:
    job = await training(client, "killed")
    spec = p.Train(name="next", activations="short", width=64, k=4, tokens=2000, batch=64)
    waiting = await client.ask(p.Submit(spec=spec))
    assert waiting.state == "queued"
    pid = job.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    job = await finished(client, job.id)
    assert job.state == "failed"
    assert "killed (signal 9)" in job.error
    assert (await finished(client, waiting.id)).state == "done"
    assert not alive(pid)


async def test_a_name_is_free_again_after_a_failure(client: Client) -> None:
    job = await training(client, "killed", tokens=2000)
    assert (await finished(client, job.id)).state == "done"


async def test_jobs_that_waited_are_done_by_the_next_engine(client: Client, root: Path) -> None:
    running = await training(client, "interrupted")
    spec = p.Train(name="patient", activations="short", width=64, k=4, tokens=2000, batch=64)
    waiting = await client.ask(p.Submit(spec=spec))
    await client.ask(p.Stop())
    async for _ in client.news():  # until the engine hangs up
        pass
    async with await connect(root) as again:
        assert (await again.ask(p.GetJob(id=running.id))).state == "cancelled"
        assert (await finished(again, waiting.id)).state == "done"


async def test_a_job_can_be_cancelled_by_two_at_once_and_by_one_who_leaves(
    client: Client, root: Path
) -> None:
    job = await training(client, "twice")
    async with await connect(root) as other:
        both = (c.ask(p.CancelJob(id=job.id)) for c in (client, other))
        assert [j.state for j in await asyncio.gather(*both)] == ["cancelled"] * 2
    job = await training(client, "left")
    leaving = await connect(root)
    asking = asyncio.create_task(leaving.ask(p.CancelJob(id=job.id)))
    await asyncio.sleep(0.05)
    asking.cancel()
    await leaving.close()
    assert (await finished(client, job.id, 2.0)).state == "cancelled"
