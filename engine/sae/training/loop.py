"""Training autoencoders: one on an activation set, or several from one stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from engine.activations.batches.prefetch import Prefetched
from engine.activations.batches.shard import BatchShard
from engine.activations.batches.source import Source
from engine.activations.batches.stored import StoredBatches, split_documents
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.row_summary import RowChoice
from engine.progress import SILENT, Cancelled, Progress
from engine.sae.architectures.base import SparseAutoencoder
from engine.sae.config import SAEConfig, TrainConfig
from engine.sae.parallel import ALONE, Ranks
from engine.sae.training.checkpointer import Checkpointer, SavedTraining
from engine.sae.training.devices import check_devices
from engine.sae.training.lockstep import CheckpointerInLockstep, ProgressInLockstep
from engine.sae.training.memory import check_memory
from engine.sae.training.metrics import Metrics, Throughput
from engine.sae.training.runs import Run, check_runs
from engine.sae.training.trainer_group import TrainerGroup, combine_metrics

SAMPLE = 16_384
"""Vectors from which scale, centre and statistics are taken."""


_Saver = Checkpointer | CheckpointerInLockstep


@dataclass(frozen=True)
class Trained:
    """A finished training run."""

    sae: SparseAutoencoder
    """For inference, on the device it was trained on."""
    steps: int
    tokens: int
    """Activation vectors trained on, repeats counted."""
    tokens_per_second: float
    """Since it was begun or resumed."""
    metrics: Metrics
    """Of the last step."""
    held_rows: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    """Rows of the activation set that were kept for evaluation; empty if none were."""


def train(
    sae_config: SAEConfig,
    train_config: TrainConfig,
    acts: ActivationSet,
    *,
    device: torch.device | str = "cpu",
    choice: RowChoice = "text",
    progress: Progress = SILENT,
) -> Trained:
    """Train on the documents of `acts` that aren't held out. See `train_together`."""
    train_rows, held_rows = split(acts, train_config, progress, choice=choice)
    source = StoredBatches([acts], train_rows, train_config.batch, train_config.seed)
    run = Run(sae=sae_config, training=train_config, site=acts.manifest.site)
    vectors = len(train_rows)
    (trained,) = train_together([run], source, vectors, device=device, progress=progress)
    return replace(trained, held_rows=held_rows)


def train_together(
    runs: Sequence[Run],
    source: Source,
    vectors: int,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = SILENT,
    checkpointer: Checkpointer | None = None,
    saved: SavedTraining | None = None,
    ranks: Ranks = ALONE,
) -> list[Trained]:
    """Train every run on the same batches of `source`, which has so many different vectors to give.

    The same seed gives the same bytes. Going on from `saved`, they are those that would have come
    without the interruption, on the same processor. Where the training stands is saved to
    the `checkpointer` now and then, and when it is paused or cancelled.

    Every step is reported to `progress` (phase "train") with `engine.sae.training.metrics.Metrics`,
    and tokens, tokens_per_second and seconds_left; mse is in raw units whatever the
    architecture. Of several runs these are means, and beside them stand some of each, as
    `loss NAME`.

    Raises UserError, before work starts, for activations of another width and for more memory than
    there is; TrainingDiverged for a run that loses its way (see `engine.sae.training.divergence`).

    Several processes call it alike, each with its own place among the `ranks`; what comes out is
    what one process would have made, to round-off. The first one reports to its progress, and
    saves.
    """
    device = torch.device(device)
    batch = runs[0].training.batch
    for run in runs:
        _warn_of_memorising(run.sae, vectors, progress)
        check_devices(run.sae, batch, ranks.world.size, ranks.tensor_parallel.size)
    check_memory([run.sae for run in runs], batch, device, progress, ranks)
    if saved is not None:
        source.load_state_dict(saved.state["source"])
    source.prepare(progress)
    progress("prepare the first step", 0)
    sample = source.sample(SAMPLE)
    check_runs(runs, sample)
    trainers = TrainerGroup(runs, sample, vectors, device, ranks)
    if saved is not None:
        trainers.load_state_dict(saved.state["training"])
    throughput = Throughput(batch)
    saver: _Saver | None = checkpointer
    if ranks.world.size > 1:
        source = BatchShard(source, ranks.data_parallel.rank, ranks.data_parallel.size)
        progress = ProgressInLockstep(progress, ranks.world)
        if checkpointer is not None:
            saver = CheckpointerInLockstep(checkpointer, ranks.world)
    with Prefetched(source, device) as batches:
        last_metrics = _take_all_steps(trainers, batches, throughput, saver, progress)
    tokens, speed = trainers.steps * batch, throughput.mean_tokens_per_second
    return [
        Trained(sae, trainers.steps, tokens, speed, metrics)
        for sae, metrics in zip(trainers.finish(), last_metrics, strict=True)
    ]


def split(
    acts: ActivationSet,
    config: TrainConfig,
    progress: Progress,
    *,
    targets: ActivationSet | None = None,
    choice: RowChoice = "text",
) -> tuple[Tensor, Tensor]:
    """Rows to train on and rows held out, see `split_documents`; a single document is trained on
    whole."""
    held_out = config.held_out
    if held_out and acts.manifest.documents < 2:
        progress.note("There is a single document: nothing is held out for evaluation.")
        held_out = 0.0
    return split_documents(
        acts, held_out, config.seed, targets=targets, choice=choice, progress=progress
    )


def _take_all_steps(
    trainers: TrainerGroup,
    batches: Prefetched,
    throughput: Throughput,
    saver: _Saver | None,
    progress: Progress,
) -> list[Metrics]:
    """Take every step that is left; gives the metrics of the last, of each run."""

    def save() -> None:
        if saver is not None and trainers.is_sound():
            state = {"training": trainers.state_dict(), "source": batches.state_dict()}
            saver.save(trainers.steps_done, trainers.steps, state)

    steps, parts = trainers.steps, trainers.parts
    metrics: list[Metrics] = []
    try:
        for done, metrics in enumerate(
            trainers.train(batches, throughput), trainers.next_reported_step
        ):
            trainers.check(done, metrics)
            if trainers.parts > parts == 1:
                progress.note(_split_note(trainers.parts))
            parts = trainers.parts
            if saver is not None:
                if saver.due() or progress.interrupted:
                    save()
                saver.report(progress)
            reported = combine_metrics(trainers.runs, metrics) | {
                "tokens": float(done * trainers.runs[0].training.batch),
                "tokens_per_second": throughput.tokens_per_second,
                "seconds_left": throughput.seconds_left(steps - done),
            }
            progress("train", done, steps, "steps", reported)
    except Cancelled:
        save()
        raise
    return metrics


def _split_note(parts: int) -> str:
    return (
        f"Memory is short: every batch is taken in {parts} parts from now on. The gradients are"
        " the same, and a step takes longer."
    )


def _warn_of_memorising(sae: SAEConfig, vectors: int, progress: Progress) -> None:
    if vectors < sae.d_sae:
        progress.note(
            f"{vectors} training vectors for {sae.d_sae} features: this memorises. "
            "What a feature seems to mean is one data point seen again."
        )
