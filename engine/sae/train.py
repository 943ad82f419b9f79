"""Training an autoencoder on an activation set."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.activations.batches import ShuffledBatches, split_documents
from engine.activations.store import ActivationSet
from engine.errors import UserError
from engine.progress import Progress, Silent
from engine.sae.base import SparseAutoencoder
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.memory import check_memory
from engine.sae.meter import Pace, Reading
from engine.sae.registry import build
from engine.sae.trainer import Trainer

SAMPLE = 16_384
"""Vectors from which scale, centre and statistics are taken."""


@dataclass(frozen=True)
class Trained:
    """A finished training run."""

    sae: SparseAutoencoder
    """For inference, on the device it was trained on."""
    held_rows: Tensor
    """Rows of the activation set that were kept for evaluation; empty if none were."""
    steps: int
    tokens: int
    """Activation vectors trained on, repeats counted."""
    tokens_per_second: float
    loss: float
    """Of the last step."""


class TrainingDiverged(UserError):  # noqa: N818 - it says what happened
    """The loss stopped being a number. `sae` is the autoencoder as it was before `good_step`."""

    def __init__(self, step: int, sae: SparseAutoencoder, good_step: int) -> None:
        super().__init__(
            f"The loss is no longer a finite number at step {step}.",
            f"Choose a lower learning rate. The weights of step {good_step} are kept.",
        )
        self.step = step
        self.sae = sae
        self.good_step = good_step


def train(
    sae_config: SAEConfig,
    train_config: TrainConfig,
    acts: ActivationSet,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = Silent(),  # noqa: B008 - it holds no state
) -> Trained:
    """Train on the documents of `acts` that aren't held out; the same seed gives the same bytes.

    Every step is told to `progress` (phase "train") with loss, mse, fvu, l0, dead_fraction, lr,
    tokens_per_second and seconds_left; mse is in raw units whatever the architecture.

    Raises UserError, before work starts, for activations of another width and for more memory than
    there is; TrainingDiverged when the loss stops being finite.
    """
    acts.check_width(sae_config.d_in)
    device = torch.device(device)
    train_rows, held_rows = _split(acts, train_config, progress)
    if len(train_rows) < sae_config.d_sae:
        progress.note(
            f"{len(train_rows)} training vectors for {sae_config.d_sae} features: this memorises. "
            "What a feature seems to mean is one data point seen again."
        )
    check_memory(sae_config, train_config.batch, device, progress)
    batches = ShuffledBatches(acts, train_rows, train_config.batch, train_config.seed)
    sample = _sample(acts, train_rows, train_config.seed).to(device)
    sae = build(sae_config, train_config.seed).to(device)
    trainer = Trainer(sae, train_config, sample, len(train_rows))
    pace = Pace(train_config.batch)
    steps = train_config.steps
    for done, figures in enumerate(_run(trainer, batches, steps, device, pace), 1):
        if not math.isfinite(figures["loss"]):
            raise TrainingDiverged(done - 1, trainer.finish_with_last_good(), trainer.good_step)
        metrics = figures | {
            "tokens_per_second": pace.tokens_per_second,
            "seconds_left": pace.seconds_left(steps - done),
        }
        progress("train", done, steps, "steps", metrics)
    if not trainer.weights_are_finite():
        raise TrainingDiverged(steps, trainer.finish_with_last_good(), trainer.good_step)
    tokens = steps * train_config.batch
    speed = tokens / pace.total_seconds
    return Trained(trainer.finish(), held_rows, steps, tokens, speed, figures["loss"])


def _run(
    trainer: Trainer, batches: Iterator[Tensor], steps: int, device: torch.device, pace: Pace
) -> Iterator[dict[str, float]]:
    """The figures of every step, each read when the next step is already with the device."""
    waiting: Reading | None = None
    for _ in range(steps):
        with pace:
            reading = trainer.step(next(batches).to(device))
            figures = waiting.figures() if waiting else None
        if figures:
            yield figures
        waiting = reading
    if waiting:
        yield waiting.figures()


def _split(acts: ActivationSet, config: TrainConfig, progress: Progress) -> tuple[Tensor, Tensor]:
    """Rows to train on and rows held out; a single document is trained on whole."""
    held_out = config.held_out
    if held_out and acts.manifest.documents < 2:
        progress.note("There is a single document: nothing is held out for evaluation.")
        held_out = 0.0
    return split_documents(acts, held_out, config.seed)


def _sample(acts: ActivationSet, rows: Tensor, seed: int) -> Tensor:
    """Up to `SAMPLE` of the rows, in fp32: [n, d_in]."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(rows), generator=generator)[:SAMPLE].sort().values
    return acts.rows(rows[chosen]).float()
