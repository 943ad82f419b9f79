"""A training job: an SAE or a transcoder, saved, read again and evaluated."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch

from engine.activations.batches.source import Source
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.row_summary import RowChoice
from engine.errors import UserError
from engine.figures import Figure
from engine.files import remove_folder
from engine.jobs.kinds import Train, TrainResult
from engine.jobs.kinds.train import TrainingStart, read_start
from engine.jobs.work.model_of_job import load_model_of_job
from engine.jobs.work.stored_data import StoredData
from engine.jobs.work.streamed_data import StreamedData
from engine.jobs.work.trained_sae import is_measured, is_outcome_of, measure_sae, save_trained
from engine.jobs.work.training_data import TrainingData
from engine.model.device import choose_device
from engine.model.site import parse_site
from engine.progress import Progress
from engine.sae.formats.metadata import read_metadata
from engine.sae.formats.store import save_sae
from engine.sae.parallel import ALONE, Ranks
from engine.sae.recipes import recipe
from engine.sae.training.checkpointer import Checkpointer, SavedTraining, load_newest_checkpoint
from engine.sae.training.divergence import TrainingDiverged
from engine.sae.training.loop import Trained, train_together
from engine.sae.training.runs import Run
from engine.workspace.folders import Workspace


@dataclass(frozen=True)
class _Setup:
    """What a training begins with."""

    run: Run
    data: TrainingData
    choice: RowChoice
    """Which rows of the data are taken."""
    source: Source
    vectors: int
    saved: SavedTraining | None
    """Where it goes on; None: it begins."""


def train_sae(
    spec: Train, workspace: Workspace, progress: Progress, ranks: Ranks = ALONE
) -> TrainResult:
    """Train an SAE, save it, read it again and measure it.

    Raises UserError when the run diverges: the last good weights are kept then, as
    NAME-before-divergence.

    What is resumed after its SAE was saved is only measured. Several processes call it alike (see
    `engine.jobs.work.distributed`); the first of them writes and measures.
    """
    folder = workspace.sae(spec.name)
    setup = _open(spec, workspace, progress)
    run, data = setup.run, setup.data
    speed, metrics = 0.0, dict[str, Figure]()
    if not (spec.resume and folder.exists() and is_outcome_of(folder, run, data)):
        trained = _train(spec, workspace, setup, progress, ranks)
        speed = trained.tokens_per_second
        if ranks.leads:
            replace = spec.replace or spec.resume
            save_trained(trained, folder, data.metadata(), run.training, replace=replace)
    if ranks.leads:
        metrics = _measure_once(folder, data, choose_device(spec.device), progress)
        remove_folder(workspace.checkpoints(spec.name))
    steps = run.training.steps
    rows = data.metadata().row_summary
    return TrainResult(
        name=spec.name,
        arch=spec.arch,
        d_in=run.sae.d_in,
        d_sae=run.sae.d_sae,
        steps=steps,
        tokens=steps * run.training.batch,
        tokens_per_second=speed,
        metrics=metrics,
        model_dtype=data.metadata().model_dtype,
        sinks=None if rows is None else rows.counts.sink,
        keep_sinks=data.metadata().keep_sinks,
        row_summary=rows,
        split=data.split,
    )


def open_data(
    spec: Train,
    workspace: Workspace,
    progress: Progress,
    choice: RowChoice,
    saved: SavedTraining | None = None,
) -> TrainingData:
    """What the training is to draw from: rows of the `choice`. One that goes on where it was
    `saved` draws from a model that computes in what it did then. Raises UserError for what isn't
    there."""
    if spec.activations:
        acts = ActivationSet.open(workspace.existing_activations(spec.activations))
        target = None
        if spec.target is not None:
            target = ActivationSet.open(workspace.existing_activations(spec.target))
        return StoredData(acts, target, spec, choice)
    assert spec.model is not None
    assert spec.site is not None
    begun_in = "" if saved is None else _model_dtype_of(saved)
    lm = load_model_of_job(spec.model, spec, progress, recorded_dtype=begun_in)
    target_site = None if spec.target_site is None else parse_site(spec.target_site)
    return StreamedData(lm, spec, parse_site(spec.site), target_site, choice)


def _model_dtype_of(saved: SavedTraining) -> str:
    """What the model computed in that a training reads; empty for a training on stored sets."""
    return str(saved.state["source"].get("dtype", "")).removeprefix("torch.")


def _open(spec: Train, workspace: Workspace, progress: Progress) -> _Setup:
    saved = None
    if spec.resume:
        saved = load_newest_checkpoint(workspace.checkpoints(spec.name), progress.note)
    choice = spec.choice if saved is None else read_start(saved.about).choice
    data = open_data(spec, workspace, progress, choice, saved)
    run = _new_run(spec, data) if saved is None else _resumed_run(spec.name, saved, data)
    return _Setup(run, data, choice, *data.source(run.training, progress), saved)


def _train(
    spec: Train, workspace: Workspace, setup: _Setup, progress: Progress, ranks: Ranks
) -> Trained:
    """From the beginning or from the checkpoint to the end of the training."""
    folder = workspace.checkpoints(spec.name)
    if setup.saved is not None:
        progress.note(f"It goes on from the checkpoint of step {setup.saved.step:,}.")
    elif spec.resume:
        raise UserError(
            f"No checkpoint of {spec.name} is whole, so it can't go on.",
            "Begin anew with --replace.",
        )
    elif ranks.leads:
        remove_folder(folder)  # of a training that is given up: --replace was asked for
    run, data = setup.run, setup.data
    start = TrainingStart(
        spec=spec, run=msgspec.to_builtins(run), data=data.identity(), choice=setup.choice
    )
    about, minutes = msgspec.to_builtins(start), spec.checkpoint_minutes
    try:
        with Checkpointer(folder, about, minutes=minutes) as checkpointer:
            (trained,) = train_together(
                [run],
                setup.source,
                setup.vectors,
                device=choose_device(spec.device),
                progress=progress,
                checkpointer=checkpointer,
                saved=setup.saved,
                ranks=ranks,
            )
    except TrainingDiverged as error:
        if not ranks.leads:
            raise
        name = f"{spec.name}-before-divergence"
        metadata = msgspec.structs.replace(data.metadata(), train_config=run.training)
        save_sae(error.sae, workspace.sae(name), metadata, replace=True)
        raise UserError(error.what, f"{error.do} They are kept as {name}.") from error
    return trained


def _new_run(spec: Train, data: TrainingData) -> Run:
    sae, training = recipe(
        **spec.recipe_settings, d_in=data.d_in, d_out=data.d_out, vectors=data.vectors
    )
    return Run(sae=sae, training=training, site=data.site, target=data.target)


def _resumed_run(name: str, saved: SavedTraining, data: TrainingData) -> Run:
    """The run as it was begun, whatever recipes say by now."""
    start = read_start(saved.about)
    for known, identity in data.identity().items():
        if start.data.get(known) != identity:
            raise UserError(
                f"{known} is not the activation set any more on which {name} was begun.",
                "Begin anew with --replace.",
            )
    return msgspec.convert(start.run, Run)


def _measure_once(
    folder: Path, data: TrainingData, device: torch.device, progress: Progress
) -> dict[str, Figure]:
    """The figures of the saved SAE, measured if that has not been done."""
    if is_measured(folder):
        return read_metadata(folder).metrics
    held_out = data.held_out(progress)
    return measure_sae(folder, data, held_out, device=device, progress=progress)
