"""EleutherAI's sparsify: its own `Trainer.fit()`, on a model whose layer hands out the vectors."""

import copy
import tempfile
from collections.abc import Sized
from importlib.metadata import version
from typing import Any

import torch
from sparsify import SaeConfig, TrainConfig, Trainer
from torch import Tensor, nn

from benchmarks.training.job import Job
from benchmarks.training.score import Snapshot

WARMUP = 1_000
"""Steps, its default for Adam; schedule-free signSGD has no schedule."""
LAYER = "layer"


def train(job: Job, variant: str) -> None:
    """Until the clock ends it; `variant` is its optimizer."""
    config = TrainConfig(
        SaeConfig(num_latents=job.size.width, k=job.k),
        batch_size=1,
        optimizer=variant,
        lr_warmup_steps=job.warmup(WARMUP),
        hookpoints=[LAYER],
        log_to_wandb=False,
        save_every=10**9,
        save_dir=tempfile.gettempdir(),
    )
    trainer = Trainer(config, _Steps(job), _Recall(job))
    job.score_by(lambda: _snapshot(trainer))
    job.save_by(lambda folder: _as_saved(trainer).save_to_disk(folder))
    trainer.fit()


def versions() -> dict[str, str]:
    """Of what was measured."""
    return {name: version(name) for name in ("eai-sparsify", "torch", "schedulefree")}


class _Steps(Sized):
    """A data set of one "sequence" a step: the numbers of its vectors in the pool.

    It holds one more than there are steps: who asks for that has done them all.
    """

    def __init__(self, job: Job) -> None:
        self._job = job

    def __len__(self) -> int:
        return self._job.steps + 1

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        self._job.clock.tick()
        return {"input_ids": self._job.rows(step)}


class _Recall(nn.Module):
    """A language model as the trainer needs one: "tokens" in, activations through one layer."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self.layer = nn.Identity()
        self.device = torch.device("cpu")
        self.dummy_inputs = {"input_ids": job.rows(0)[None]}

    @property
    def base_model(self) -> nn.Module:
        return self

    def forward(self, input_ids: Tensor) -> Tensor:
        first = int(input_ids[0, 0])
        return self.layer(self._job.pool[None, first : first + input_ids.shape[1]])


def _as_saved(trainer: Trainer) -> Any:
    """With the weights it would save: schedule-free training keeps an average for that."""
    for optimizer in trainer.optimizers:
        getattr(optimizer, "eval", lambda: None)()
    sae = copy.deepcopy(trainer.saes[LAYER])
    for optimizer in trainer.optimizers:
        getattr(optimizer, "train", lambda: None)()
    return sae


def _snapshot(trainer: Trainer) -> Snapshot:
    sae = _as_saved(trainer)

    def reconstruct(x: Tensor) -> tuple[Tensor, Tensor]:
        acts, features, _ = sae.encode(x)
        return sae.decode(acts, features), acts

    return Snapshot(reconstruct, sae.W_dec)
