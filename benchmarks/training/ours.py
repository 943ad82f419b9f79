"""This project's trainer, with the settings of its own recipe."""

import copy
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.training.job import Job
from benchmarks.training.score import Snapshot
from engine.sae.architectures.registry import build
from engine.sae.formats.inference import at_inference
from engine.sae.formats.metadata import SAEMetadata
from engine.sae.formats.sae_lens import write
from engine.sae.recipes import recipe
from engine.sae.training.loop import SAMPLE
from engine.sae.training.trainer import Trainer
from engine.sae.traits import takers


def train(job: Job, _variant: str) -> None:
    """Until the clock ends it."""
    size = job.size
    sae_config, training = recipe(
        job.architecture,
        size.d_in,
        len(job.pool),
        width=size.width,
        k=job.k if job.architecture in takers("k") else None,
        tokens=job.steps * size.batch,
        batch=size.batch,
    )
    sae = build(sae_config, training.seed)
    trainer = Trainer(sae, training, job.pool[:SAMPLE], len(job.pool))
    job.score_by(lambda: _snapshot(trainer))
    job.save_by(lambda folder: _save(trainer, folder))
    before = None
    for x in job.batches():
        pending = trainer.step(x)
        if before is not None:
            before.wait()  # read one step late, as engine.sae.training.loop does
        before = pending


def versions() -> dict[str, str]:
    """Of what was measured."""
    return {"torch": torch.__version__}


def _save(trainer: Trainer, folder: Path) -> None:
    """In SAELens' layout, as `brainsurg train` does."""
    write(at_inference(copy.deepcopy(trainer).finish()), folder, SAEMetadata())


def _snapshot(trainer: Trainer) -> Snapshot:
    """What would be saved if the run ended now."""
    sae = copy.deepcopy(trainer).finish()

    def reconstruct(x: Tensor) -> tuple[Tensor, Tensor]:
        acts = sae.encode(x)
        return sae.decode(acts), acts

    return Snapshot(reconstruct, sae.W_dec)
