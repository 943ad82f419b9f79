"""Sweeps and logs on a real engine: killed, cancelled, watched, and asked for by command."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
import pytest_asyncio

from engine.sae.training.checkpoint import all_checkpoints
from engine.service import protocol as p
from engine.service.client import Client, connect
from engine.workspace.folders import Workspace
from tests.service.real_engine import done, finished, training_steps, until
from tests.service.runner import Runner

pytestmark = pytest.mark.asyncio(loop_scope="module")

STEPS = 400
KS = [2, 6]


def spec(name: str) -> p.Sweep:
    """Seconds of training, with checkpoints one after the other."""
    train = p.Train(
        name=name,
        activations="short",
        width=64,
        tokens=64 * STEPS,
        batch=64,
        checkpoint_minutes=0.0,
        device="cpu",
    )
    return p.Sweep(train=train, axes={"k": KS})


async def begun(client: Client, root: Path, name: str) -> p.JobInfo:
    """A sweep that takes steps and has saved a checkpoint."""
    job = await client.ask(p.Submit(spec=spec(name)))

    async def saved() -> bool:
        return bool(all_checkpoints(Workspace(root).checkpoints(f"{name}.sweep")))

    job = await training_steps(client, job.id)
    await until(saved)
    return job


def weights(root: Path, name: str) -> list[bytes]:
    files = [root / "saes" / f"{name}.k{k}" / "sae_weights.safetensors" for k in KS]
    return [file.read_bytes() for file in files]


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def whole(
    root: Path, tiny_llama_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> p.JobInfo:
    """A sweep that nobody interrupts."""
    texts = tmp_path_factory.mktemp("texts") / "texts.txt"
    texts.write_text("\n\n".join(f"Story {i}: there was a dog named {i}." for i in range(40)))
    capture = p.Capture(
        name="short", model=str(tiny_llama_path), sites=["resid_post.1"], texts=[str(texts)]
    )
    async with await connect(root) as client:
        await done(client, capture)
        return await done(client, spec("whole"))


async def test_its_members_are_saes_like_others(client: Client, whole: p.JobInfo) -> None:
    assert isinstance(whole.result, p.SweepResult)
    assert [(run.name, run.k) for run in whole.result.runs] == [("whole.k2", 2), ("whole.k6", 6)]
    saes = {sae.name: sae for sae in (await client.ask(p.GetContents())).saes}
    for run in whole.result.runs:
        assert saes[run.name].metrics == run.metrics
        assert {"fvu", "l0", "ce_score", "kl"} <= run.metrics.keys()


async def test_every_step_tells_all_there_is_to_watch(client: Client, whole: p.JobInfo) -> None:
    events = (await client.ask(p.GetEvents(job=whole.id))).events
    told = [
        event.body
        for event in events
        if isinstance(event.body, p.Progressed) and event.body.phase == "train"
    ]
    names = {
        "loss", "mse", "fvu", "l0", "dead_fraction", "grad_norm", "lr", "tokens",
        "tokens_per_second", "seconds_left", "memory", "loss whole.k2", "fvu whole.k6",
    }  # fmt: skip
    for progress in told:
        assert names <= progress.metrics.keys()
        assert progress.metrics["tokens"] == 64 * progress.done
    assert told[-1].done == STEPS


async def test_a_sweep_that_is_killed_or_cancelled_goes_on_to_the_same_bits(
    client: Client, root: Path
) -> None:
    job = await begun(client, root, "hurt")
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    job = await finished(client, job.id)
    assert f"Go on with: brainsurg jobs resume {job.id}" in job.error
    await client.ask(p.ResumeJob(id=job.id))
    await training_steps(client, job.id)
    assert (await client.ask(p.CancelJob(id=job.id))).state == "cancelled"
    await client.ask(p.ResumeJob(id=job.id))
    job = await finished(client, job.id)
    assert job.state == "done", job.error
    assert weights(root, "hurt") == weights(root, "whole")
    assert not Workspace(root).checkpoints("hurt.sweep").exists()


async def test_a_log_can_be_followed_while_a_job_runs(
    client: Client, root: Path, tmp_path: Path
) -> None:
    job = await begun(client, root, "followed")
    words = ("jobs", "export", job.id, tmp_path, "--follow")
    following = asyncio.create_task(asyncio.to_thread(Runner(root).json, *words))
    log = tmp_path / f"job-{job.id}.jsonl"

    async def running_and_written() -> bool:
        return log.exists() and b"\n" in log.read_bytes()

    await until(running_and_written)
    assert await following == {"path": str(log)}
    assert (await client.ask(p.GetJob(id=job.id))).over
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps == sorted(steps)
    assert steps[-1] == STEPS


async def test_the_command_prints_a_table_or_json(root: Path) -> None:
    brainsurg = Runner(root)
    words = (
        "sweep",
        "typed",
        "--activations",
        "short",
        "--width",
        "48,64",
        "--k",
        2,
        "--tokens",
        6400,
    )
    made = await asyncio.to_thread(brainsurg.json, *words)
    assert [run["name"] for run in made["runs"]] == ["typed.k2.w48", "typed.k2.w64"]
    for run in made["runs"]:
        assert run["arch"] == "topk"
        assert {"l0", "fvu", "ce_score"} <= run["metrics"].keys()
    table = await asyncio.to_thread(brainsurg.shows, *words, "--resume")
    for run in made["runs"]:
        (line,) = [line for line in table.splitlines() if run["name"] in line]
        assert line.count("●") == run["fvu_front"] + run["ce_score_front"]
    assert any(run["fvu_front"] for run in made["runs"])
