"""Whether a training that is killed (kill -9) at random moments ends with the very same weights.

    python -m benchmarks.kill_test [--rounds 20] [--arch topk batchtopk …] [--seed 0]

An engine of its own trains each architecture once without interruption, on activations of the
embedded model. In every round it trains one of them again, and up to three times something is
killed at a random moment from the start of the worker to the end of the evaluation: the worker, or
the engine with it. Each time the job is resumed. Then the files of both trainings' weights are
compared, byte for byte. Printed is what happened in each round, and how many of them were
identical; the exit status is 0 if all were.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from engine.sae.training.checkpoint import newest_record
from engine.sae.traits import ARCHITECTURES
from engine.service import protocol as p
from engine.service.client import Client, connect

KILLS = 3
"""Of a round, at most."""
STEPS = 4000
PAUSE = 0.05
"""Seconds between two looks at a job."""


@dataclass
class Engine:
    """The engine of a workspace, whether it has just been killed or not."""

    root: Path
    client: Client | None = None
    killed: list[str] = field(default_factory=list)
    """What was killed in this round, and the step that had been saved by then."""

    async def ask(self, request: p.Request[p.R]) -> p.R:
        """Ask the engine, started if need be."""
        if self.client is None:
            self.client = await connect(self.root)
        return await self.client.ask(request)

    async def over(self, id: int, within: float | None = None) -> p.JobInfo | None:
        """The job when it is over; None if it isn't in so many seconds."""
        try:
            async with asyncio.timeout(within):
                while not (job := await self.ask(p.GetJob(id=id))).over:
                    await asyncio.sleep(PAUSE)
                return job
        except TimeoutError:
            return None

    async def kill(self, id: int, name: str) -> None:
        """Kill a job's worker, now and then the engine with it, if the job still goes on."""
        job = await self.ask(p.GetJob(id=id))
        pid = job.pid
        whole = random.random() < 0.25
        if whole:
            pid = (await self.ask(p.GetStatus())).pid
        if pid is None or job.over:
            return
        os.kill(pid, signal.SIGKILL)
        saved = newest_record(self.root / "checkpoints" / name)
        step = saved.step if saved else 0
        self.killed.append(f"{'engine' if whole else 'worker'}, saved {step:,}")
        if whole and self.client is not None:
            async for _ in self.client.news():  # until the connection is gone
                pass
            await self.client.close()
            self.client = None
            await asyncio.sleep(0.5)

    async def finished(self, job: p.JobInfo) -> p.JobInfo:
        """The job when it is done. SystemExit if it fails."""
        over = await self.over(job.id)
        if over is None or over.state != "done":
            sys.exit(f"Job {job.id} failed by itself: {over and over.error}")
        return over


def spec(name: str, architecture: str) -> p.Train:
    """Seconds of training, with a checkpoint about every one of them."""
    return p.Train(
        name=name,
        activations="acts",
        arch=architecture,
        width=128,
        tokens=STEPS * 64,
        batch=64,
        checkpoint_minutes=0.01,
        device="cpu",
    )


def weights(root: Path, name: str) -> list[bytes]:
    """The files that hold an SAE's weights."""
    return [file.read_bytes() for file in sorted((root / "saes" / name).glob("*.safetensors"))]


async def one_round(engine: Engine, number: int, architecture: str, seconds: float) -> bool:
    """Train with kills; whether the weights are those of the reference."""
    name = f"round-{number}"
    engine.killed = []
    job = await engine.ask(p.Submit(spec=spec(name, architecture)))
    for _ in range(KILLS):
        if await engine.over(job.id, within=random.uniform(0, 0.7 * seconds)):
            break
        await engine.kill(job.id, name)
        over = await engine.over(job.id)
        if over is not None and over.state == "failed":
            await engine.ask(p.ResumeJob(id=job.id))
    await engine.finished(job)
    same = weights(engine.root, name) == weights(engine.root, architecture)
    outcome = "identical" if same else "DIFFERENT"
    killed = "; ".join(engine.killed) or "nothing"
    print(f"round {number:3}  {architecture:14}  {outcome}  killed: {killed}", flush=True)
    return same


async def main(rounds: int, architectures: list[str], root: Path) -> int:
    """How many rounds ended with other weights."""
    engine = Engine(root)
    capture = p.Capture(
        name="acts", model="demo", sites=["resid_post.3"], demo_documents=200, device="cpu"
    )
    await engine.finished(await engine.ask(p.Submit(spec=capture)))
    seconds = {}
    for architecture in architectures:
        job = await engine.ask(p.Submit(spec=spec(architecture, architecture)))
        whole = await engine.finished(job)
        assert whole.started is not None
        assert whole.ended is not None
        seconds[architecture] = whole.ended - whole.started
    same = 0
    for number in range(1, rounds + 1):
        architecture = architectures[(number - 1) % len(architectures)]
        same += await one_round(engine, number, architecture, seconds[architecture])
    print(f"{same} of {rounds} identical")
    await engine.ask(p.Stop())
    return rounds - same


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--arch", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    random.seed(options.seed)
    with tempfile.TemporaryDirectory(prefix="kill-test-") as folder:
        sys.exit(bool(asyncio.run(main(options.rounds, options.arch, Path(folder) / "ws"))))
