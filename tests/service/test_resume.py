"""Trainings of a real engine that are killed, cancelled or paused go on to the very same bits."""

import asyncio
import os
import random
import signal
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from engine.errors import UserError
from engine.sae.training.checkpoint import all_checkpoints, newest_record
from engine.service import protocol as p
from engine.service.client import Client, connect
from engine.workspace.folders import Workspace
from tests.service.real_engine import done, finished, training_steps, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

STEPS = 700


def spec(name: str, **other: object) -> p.Train:
    """Seconds of training, with checkpoints one after the other."""
    settings = {
        "activations": "short",
        "width": 64,
        "k": 4,
        "tokens": 64 * STEPS,
        "batch": 64,
        "checkpoint_minutes": 0.0,
        "device": "cpu",
        **other,
    }
    return p.Train(name=name, **settings)  # type: ignore[arg-type]


def weights(root: Path, name: str) -> dict[str, bytes]:
    """The files that hold an SAE's weights, by name."""
    files = sorted((root / "saes" / name).glob("*.safetensors"))
    assert files
    return {file.name: file.read_bytes() for file in files}


async def begun(client: Client, spec: p.Train) -> p.JobInfo:
    """A training job that has made its first steps and saved a checkpoint."""
    job = await client.ask(p.Submit(spec=spec))
    return await saved(client, job.id, spec.name)


async def saved(client: Client, id: int, name: str) -> p.JobInfo:
    """The job, when it takes steps and there is a checkpoint."""
    root = Path((await client.ask(p.GetContents())).workspace)

    async def there() -> bool:
        return bool(all_checkpoints(Workspace(root).checkpoints(name)))

    await training_steps(client, id)
    await until(there)
    return await client.ask(p.GetJob(id=id))


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "texts.txt"
    path.write_text("\n\n".join(f"Story {i}: once there was a dog named {i}." for i in range(40)))
    return path


@pytest.fixture(scope="module")
def capture(texts: Path, tiny_llama_path: Path) -> p.Capture:
    return p.Capture(
        name="short",
        model=str(tiny_llama_path),
        sites=["resid_post.1"],
        texts=[str(texts)],
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def whole(root: Path, capture: p.Capture) -> dict[str, bytes]:
    """The weights of a training that nobody interrupts, on the set that all others train on."""
    async with await connect(root) as client:
        for each in (capture, spec("whole")):
            await done(client, each)
    return weights(root, "whole")


@pytest.mark.parametrize(
    "settings",
    [
        {"arch": "topk"},
        {"arch": "seed-optimised", "k": None, "width": 48},
    ],
)
async def test_a_worker_that_is_killed_loses_nothing(
    client: Client, root: Path, settings: dict[str, object]
) -> None:
    name = str(settings["arch"])
    alone = await client.ask(p.Submit(spec=spec(f"{name}-alone", **settings)))
    alone = await finished(client, alone.id)
    assert alone.state == "done", alone.error
    job = await begun(client, spec(name, **settings))
    for _ in range(2):
        await asyncio.sleep(random.uniform(0, 0.3))
        assert job.pid is not None
        os.kill(job.pid, signal.SIGKILL)
        job = await finished(client, job.id)
        assert job.state == "failed"
        assert f"Go on with: brainsurg jobs resume {job.id}" in job.error
        resumed = await client.ask(p.ResumeJob(id=job.id))
        assert resumed.state in ("queued", "running")
        job = await saved(client, job.id, name)
    job = await finished(client, job.id)
    assert job.state == "done", job.error
    assert weights(root, name) == weights(root, f"{name}-alone")
    assert not Workspace(root).checkpoints(name).exists()
    assert isinstance(job.result, p.TrainResult)
    assert isinstance(alone.result, p.TrainResult)
    assert job.result.metrics == alone.result.metrics


async def test_a_killed_engine_loses_nothing(
    client: Client, root: Path, whole: dict[str, bytes]
) -> None:
    job = await begun(client, spec("orphan"))
    assert job.pid is not None
    worker = psutil.Process(job.pid)
    os.kill((await client.ask(p.GetStatus())).pid, signal.SIGKILL)
    await asyncio.to_thread(psutil.wait_procs, [worker], 10)
    assert not worker.is_running()
    async with await connect(root) as again:
        job = await again.ask(p.GetJob(id=job.id))
        assert job.state == "failed"
        assert "The engine ended" in job.error
        assert f"brainsurg jobs resume {job.id}" in job.error
        await again.ask(p.ResumeJob(id=job.id))
        job = await finished(again, job.id)
        assert job.state == "done", job.error
        past = (await again.ask(p.GetEvents(job=job.id))).events
    assert weights(root, "orphan") == whole
    states = [event.body.state for event in past if isinstance(event.body, p.StateChanged)]
    told = [state for state in states if state != "running"]
    assert told == ["queued", "failed", "queued", "done"]


async def test_a_cancelled_training_saves_where_it_stands_and_goes_on(
    client: Client, root: Path, whole: dict[str, bytes]
) -> None:
    rarely = spec("cancelled", checkpoint_minutes=60.0)
    job = await client.ask(p.Submit(spec=rarely))
    await training_steps(client, job.id)
    job = await client.ask(p.CancelJob(id=job.id))
    assert job.state == "cancelled"
    record = newest_record(Workspace(root).checkpoints("cancelled"))
    assert record is not None
    assert job.progress is not None
    assert job.progress.done <= record.step <= STEPS
    with pytest.raises(UserError, match=f"checkpoint of step {record.step:,} of {STEPS:,}"):
        await client.ask(p.Submit(spec=rarely))
    await client.ask(p.ResumeJob(id=job.id))
    job = await finished(client, job.id)
    assert job.state == "done", job.error
    assert weights(root, "cancelled") == whole
    with pytest.raises(UserError, match="is done, so it can't go on"):
        await client.ask(p.ResumeJob(id=job.id))


async def test_a_worker_that_is_told_to_end_saves_where_it_stands(
    client: Client, root: Path, whole: dict[str, bytes]
) -> None:
    job = await client.ask(p.Submit(spec=spec("ended", checkpoint_minutes=60.0)))
    job = await training_steps(client, job.id)
    assert job.pid is not None
    os.kill(job.pid, signal.SIGTERM)
    job = await finished(client, job.id)
    assert job.state == "failed"
    assert "SIGTERM" in job.error
    assert newest_record(Workspace(root).checkpoints("ended")) is not None
    await client.ask(p.ResumeJob(id=job.id))
    assert (await finished(client, job.id)).state == "done"
    assert weights(root, "ended") == whole


async def test_a_paused_training_has_saved_where_it_stands(
    client: Client, root: Path, whole: dict[str, bytes]
) -> None:
    job = await client.ask(p.Submit(spec=spec("paused", checkpoint_minutes=60.0)))
    await training_steps(client, job.id)
    await client.ask(p.PauseJob(id=job.id))

    async def there() -> bool:
        return newest_record(Workspace(root).checkpoints("paused")) is not None

    await until(there, 10)
    await client.ask(p.ResumeJob(id=job.id))
    assert (await finished(client, job.id)).state == "done"
    assert weights(root, "paused") == whole


async def test_a_damaged_checkpoint_is_passed_over_and_said(
    client: Client, root: Path, whole: dict[str, bytes]
) -> None:
    job = await begun(client, spec("damaged"))

    async def two() -> bool:
        return len(all_checkpoints(Workspace(root).checkpoints("damaged"))) == 2

    await until(two)
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    await finished(client, job.id)
    newest, *_ = all_checkpoints(Workspace(root).checkpoints("damaged"))
    tensors = newest / "state.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-100])
    await client.ask(p.ResumeJob(id=job.id))
    job = await finished(client, job.id)
    assert job.state == "done", job.error
    past = (await client.ask(p.GetEvents(job=job.id))).events
    notes = [event.body.text for event in past if isinstance(event.body, p.Noted)]
    assert any("passed over" in note and newest.name in note for note in notes)
    assert weights(root, "damaged") == whole


async def test_other_activations_of_the_same_name_are_refused(
    client: Client, root: Path, capture: p.Capture, whole: dict[str, bytes]
) -> None:
    job = await begun(client, spec("moved"))
    await client.ask(p.CancelJob(id=job.id))
    await client.ask(p.DeleteActivations(name="short"))
    other = p.Capture(
        name="short", model=capture.model, sites=["resid_post.2"], texts=capture.texts
    )
    assert (await finished(client, (await client.ask(p.Submit(spec=other))).id)).state == "done"
    await client.ask(p.ResumeJob(id=job.id))
    job = await finished(client, job.id)
    assert job.state == "failed"
    assert "not the activation set any more" in job.error
    assert newest_record(Workspace(root).checkpoints("moved")) is not None
    await client.ask(p.DeleteActivations(name="short"))
    assert (await finished(client, (await client.ask(p.Submit(spec=capture))).id)).state == "done"
    await client.ask(p.ResumeJob(id=job.id))
    assert (await finished(client, job.id)).state == "done"
    assert weights(root, "moved") == whole


async def test_a_stream_goes_on_where_it_was(
    client: Client, root: Path, capture: p.Capture
) -> None:
    def streamed(name: str) -> p.Train:
        return spec(
            name,
            activations="",
            model=capture.model,
            site="resid_post.1",
            target_site="mlp_out.2",
            texts=capture.texts,
            arch="batchtopk",
            skip=True,
            tokens=64 * 300,
        )

    alone = await finished(client, (await client.ask(p.Submit(spec=streamed("stream")))).id)
    assert alone.state == "done", alone.error
    job = await begun(client, streamed("broken"))
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    await finished(client, job.id)
    await client.ask(p.ResumeJob(id=job.id))
    job = await finished(client, job.id)
    assert job.state == "done", job.error
    assert weights(root, "broken") == weights(root, "stream")
    assert isinstance(job.result, p.TrainResult)
    assert {"ce_score", "delta_ce", "kl", "fvu"} <= job.result.metrics.keys()


async def test_what_is_deleted_leaves_no_checkpoint(client: Client, root: Path) -> None:
    left = Workspace(root).checkpoints("stream")
    left.mkdir()
    await client.ask(p.DeleteSAE(name="stream"))
    assert not left.exists()
