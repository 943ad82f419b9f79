"""Training in several processes, joined by gloo on this machine, for the tests of it."""

import datetime
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import torch
from torch import distributed as dist
from torch import multiprocessing

from engine.activations.batches.stored import StoredBatches
from engine.activations.store.activation_set import ActivationSet
from engine.sae.config import TrainConfig
from engine.sae.kernels import preactivations as products
from engine.sae.parallel import ALONE, Ranks, init_ranks
from engine.sae.recipes import recipe
from engine.sae.training.loop import train_together
from engine.sae.training.runs import Run
from engine.sae.traits import takers
from tests.sae.conftest import Remembering

STEPS, BATCH, WIDTH = 30, 40, 128

Outcome = tuple[dict[str, torch.Tensor], list[dict[str, float]]]
"""The weights of a trained autoencoder, and the figures of every step."""


def run_of(case: str) -> Run:
    """What is trained, by the name of an architecture, or `transcoder`."""
    architecture, d_out = ("topk", 12) if case == "transcoder" else (case, None)
    k = 3 if architecture in takers("k") else None
    sae, training = recipe(
        architecture, 12, 4000, d_out=d_out, skip=d_out is not None, width=WIDTH, k=k
    )
    # a feature that is alone in its vectors leaves nothing along itself but round-off, of which a
    # smaller eps would make whole steps
    sizes = {"tokens": STEPS * BATCH, "batch": BATCH, "dead_after": 3 * BATCH}
    training = msgspec.structs.replace(training, **sizes, lr=5e-3, eps=1e-5)
    target = None if d_out is None else "target"
    return Run(sae=sae, training=training, site="site", target=target)


def source_of(folder: Path, config: TrainConfig) -> StoredBatches:
    """The sets `site` and `target` of a folder."""
    sets = [ActivationSet.open(folder / name) for name in ("site", "target")]
    return StoredBatches(sets, torch.arange(len(sets[0])), config.batch, config.seed)


def trained(case: str, folder: Path, ranks: Ranks = ALONE) -> Outcome:
    """Train a case on the sets in a folder, with products that don't depend on their blocks."""
    run, progress = run_of(case), Remembering()
    source = source_of(folder, run.training)
    with mock.patch.object(products, "product_dtype", return_value=torch.float32):
        (outcome,) = train_together([run], source, 4000, progress=progress, ranks=ranks)
    return outcome.sae.state_dict(), [figures for *_, figures in progress.trained]


def in_processes(
    count: int, work: Callable[..., None], *arguments: Any, seconds: float = 60.0
) -> None:
    """`work(*arguments)` in so many processes; raises what the first to fail has raised."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_begin, ((count, port, seconds), work, arguments), nprocs=count)


def train_cases(cases: Sequence[tuple[str, int]], folder: Path) -> None:
    """Train every (case, shards), and save what came out as `CASE-SHARDS.pt`."""
    for case, shards in cases:
        ranks = init_ranks(shards)
        outcome = trained(case, folder, ranks)
        if ranks.leads:
            torch.save(outcome, folder / f"{case}-{shards}.pt")


def _begin(
    rank: int, joined: tuple[int, int, float], work: Callable[..., None], arguments: Any
) -> None:
    torch.set_num_threads(1)
    size, port, seconds = joined
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    timeout = datetime.timedelta(seconds=seconds)
    dist.init_process_group("gloo", rank=rank, world_size=size, timeout=timeout)
    work(*arguments)
    dist.destroy_process_group()
