"""What comes of a training: saved at once, then read again and measured.

It is saved first: a run of hours must not be lost to an evaluation that fails.
"""

from pathlib import Path

import msgspec
import torch

from engine.figures import Figure
from engine.jobs.work.training_data import TrainingData
from engine.progress import Progress
from engine.sae.config import TrainConfig
from engine.sae.evaluation.reconstruction import evaluate, finite_metrics
from engine.sae.evaluation.vectors import Vectors
from engine.sae.formats.info import read_sae_info
from engine.sae.formats.metadata import SAEMetadata, read_metadata
from engine.sae.formats.store import load_sae, save_metadata, save_sae
from engine.sae.training.loop import Trained
from engine.sae.training.runs import Run


def save_trained(
    trained: Trained, folder: Path, origin: SAEMetadata, config: TrainConfig, *, replace: bool
) -> None:
    """Save an SAE with the figures of the last step: loss, and l0 as `training_l0`."""
    metrics = {"loss": trained.metrics["loss"], "training_l0": trained.metrics["l0"]}
    metadata = msgspec.structs.replace(
        origin, train_config=config, trained_tokens=trained.tokens, metrics=metrics
    )
    save_sae(trained.sae, folder, metadata, replace=replace)


def is_outcome_of(folder: Path, run: Run, data: TrainingData) -> bool:
    """Whether the SAE in `folder` has the shape and the settings of a run on this data."""
    there, origin = read_sae_info(folder), data.metadata()
    shape = (there.architecture, there.d_in, there.d_sae, there.k)
    about = there.metadata
    trained_on = (about.train_config, about.activations, about.site, about.keep_sinks)
    return (shape, trained_on) == (
        (run.sae.architecture, run.sae.d_in, run.sae.d_sae, run.sae.k),
        (run.training, origin.activations, origin.site, origin.keep_sinks),
    )


def is_measured(folder: Path) -> bool:
    """Whether the figures of `measure_sae` are there."""
    return "l0" in read_metadata(folder).metrics


def measure_sae(
    folder: Path,
    data: TrainingData,
    vectors: Vectors,
    *,
    device: torch.device,
    progress: Progress,
) -> dict[str, Figure]:
    """Measure the SAE in `folder`, as it is read from there, and write the figures beside it.

    On `vectors`, which are `data.held_out`, and inside the model where that can be had.
    """
    sae, metadata = load_sae(folder, device)
    evaluation = evaluate(sae, vectors, progress=progress)
    training_l0 = metadata.metrics["training_l0"]
    metrics = metadata.metrics | finite_metrics(evaluation.metrics, training_l0=training_l0)
    spliced = data.splice(sae, progress)
    metrics |= finite_metrics(spliced) if spliced else {}
    measured = msgspec.structs.replace(metadata, metrics=metrics, measured_dtype=data.spliced_dtype)
    save_metadata(folder, measured)
    return metrics
