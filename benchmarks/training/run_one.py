"""One measured process: trains as it is asked, and writes what it measured.

python -m benchmarks.training.run_one REQUEST OUT

REQUEST is a `messages.Request` as JSON. Started by `rounds`, in the environment of the library
that trains.
"""

import importlib
import json
import math
import resource
import sys
from pathlib import Path

import psutil
import torch

from benchmarks.training import stored
from benchmarks.training.clock import Clock, TimeIsUpError
from benchmarks.training.data import activations, directions
from benchmarks.training.job import Job
from benchmarks.training.messages import Request, Result
from benchmarks.training.products import product_rates, reference_gflops
from benchmarks.training.sizes import SIZES
from benchmarks.training.trainers import PRODUCTS, TRAINERS

HELD_OUT = 8_192
"""Vectors that scores are taken on."""
POOL_UNSCORED = 2**16
"""Vectors that are enough where only time and memory are measured."""


def run(request: Request) -> Result:
    """Train until the clock ends it."""
    entry, size = TRAINERS[request.trainer], SIZES[request.size]
    size = size._replace(batch=request.batch or size.batch)
    trainer = importlib.import_module(entry.module)
    before = reference_gflops(processor=request.processor)
    scored = request.score_every > 0 or bool(request.score_at)
    if request.store:
        truth = torch.empty(0, size.d_in)
        pool, held = stored.read(Path(request.store))
        held = held[:HELD_OUT]
    else:
        truth = directions(size)
        pool = activations(truth, size.pool if scored else min(size.pool, POOL_UNSCORED))
        held = activations(truth, HELD_OUT if scored else 0, held_out=True)
    held_bytes = psutil.Process().memory_info().rss
    clock = Clock(
        request.steps,
        warmup=request.warmup,
        seconds=math.inf if request.seconds is None else request.seconds,
        score_every=request.score_every,
        score_at=request.score_at,
        processor=request.processor,
    )
    job = Job(request.architecture, size, request.k, request.steps, pool, truth, held, clock)
    torch.manual_seed(0)
    try:
        trainer.train(job, entry.variant)
        raise RuntimeError(f"{request.trainer} ended before its time, after {clock.steps} steps")
    except TimeIsUpError:
        peak = _peak_bytes()
    if request.save:
        Path(request.save).mkdir(parents=True, exist_ok=True)
        for save in job.savers:
            save(Path(request.save))
    return Result(
        tokens_per_second=clock.timed_steps * size.batch / clock.timed_seconds,
        steps=clock.timed_steps,
        seconds=clock.timed_seconds,
        peak_bytes=peak,
        training_bytes=max(0, peak - held_bytes),
        reference_gflops=(before, reference_gflops(processor=request.processor)),
        checksum=pool[: size.batch].double().sum().item(),
        scores=clock.scores,
        versions=trainer.versions(),
    )


def _peak_bytes() -> int:
    """The most memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def main(request: str, out: str) -> None:
    """Of a trainer a result, and of `PRODUCTS` the rates of matrix products."""
    asked = Request(**json.loads(request))
    torch.set_num_threads(asked.threads)
    if asked.trainer == PRODUCTS:
        answer = json.dumps(product_rates(SIZES[asked.size], processor=asked.processor))
    else:
        answer = run(asked).to_json()
    Path(out).write_text(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
