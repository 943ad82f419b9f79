"""A training job: an SAE or a transcoder, saved, read again and evaluated."""

from pathlib import Path

import msgspec

from engine.activations.store import ActivationSet
from engine.errors import UserError
from engine.jobs.specs import Train, TrainResult
from engine.jobs.stored_data import StoredData
from engine.jobs.streamed_data import StreamedData
from engine.jobs.train_checks import Begun, begun_by, settings
from engine.jobs.training_data import TrainingData
from engine.model.device import choose_device
from engine.model.load import load_model
from engine.model.site import parse_site
from engine.progress import Progress
from engine.sae.evaluate import evaluate_vectors, figures
from engine.sae.keeper import Checkpoints, Saved, newest_saved
from engine.sae.metadata import SAEMetadata
from engine.sae.ranks import ALONE, Ranks
from engine.sae.recipes import recipe
from engine.sae.runs import Run
from engine.sae.store import load_sae, save_metadata, save_sae
from engine.sae.train import Trained, train_together
from engine.sae.training import TrainingDiverged
from engine.workspace.folders import Workspace, remove_folder


def train_sae(
    spec: Train, workspace: Workspace, progress: Progress, ranks: Ranks = ALONE
) -> TrainResult:
    """Do it. When the run diverges, the last good weights are kept as NAME-before-divergence.

    Several processes call it alike (see `engine.jobs.distributed`); the first of them writes and
    measures.
    """
    folder = workspace.checkpoints(spec.name)
    saved = _saved(spec.name, folder, progress) if spec.resume else None
    data = open_data(spec, workspace, progress)
    run = _new_run(spec, data) if saved is None else _begun_run(spec.name, saved, data)
    begun = Begun(spec=spec, run=msgspec.to_builtins(run), data=data.identity())
    metadata = msgspec.structs.replace(data.metadata(), train_config=run.training)
    source, vectors = data.source(run.training, progress)
    if saved is None and ranks.leads:
        remove_folder(folder)  # of a training that is given up: --replace was asked for
    try:
        about, minutes = msgspec.to_builtins(begun), spec.checkpoint_minutes
        with Checkpoints(folder, about, minutes=minutes) as checkpoints:
            (trained,) = train_together(
                [run],
                source,
                vectors,
                device=choose_device(spec.device),
                progress=progress,
                checkpoints=checkpoints,
                saved=saved,
                ranks=ranks,
            )
    except TrainingDiverged as error:
        if not ranks.leads:
            raise
        kept = f"{spec.name}-before-divergence"
        save_sae(error.sae, workspace.sae(kept), metadata, replace=True)
        raise UserError(error.what, f"{error.do} They are kept as {kept}.") from error
    metadata = msgspec.structs.replace(metadata, trained_tokens=trained.tokens)
    metrics: dict[str, float] = {}
    if ranks.leads:
        metrics = _measured(spec, workspace, trained, metadata, data=data, progress=progress)
        remove_folder(folder)
    return TrainResult(
        name=spec.name,
        arch=spec.arch,
        d_in=run.sae.d_in,
        d_sae=run.sae.d_sae,
        steps=trained.steps,
        tokens=trained.tokens,
        tokens_per_second=trained.tokens_per_second,
        metrics=metrics,
    )


def open_data(spec: Train, workspace: Workspace, progress: Progress) -> TrainingData:
    """What the training is to draw from. Raises UserError for what isn't there."""
    if spec.activations:
        acts = ActivationSet.open(workspace.existing_activations(spec.activations))
        target = None
        if spec.target is not None:
            target = ActivationSet.open(workspace.existing_activations(spec.target))
        return StoredData(acts, target, spec.device)
    assert spec.model is not None
    assert spec.site is not None
    progress("load the model", 0)
    lm = load_model(spec.model, device=spec.device)
    target_site = None if spec.target_site is None else parse_site(spec.target_site)
    return StreamedData(lm, spec, parse_site(spec.site), target_site)


def _saved(name: str, folder: Path, progress: Progress) -> Saved:
    saved = newest_saved(folder, progress.note)
    if saved is None:
        raise UserError(
            f"No checkpoint of {name} is whole, so it can't go on.", "Begin anew with --replace."
        )
    progress.note(f"It goes on from the checkpoint of step {saved.step:,}.")
    return saved


def _new_run(spec: Train, data: TrainingData) -> Run:
    sae, training = recipe(**settings(spec), d_in=data.d_in, d_out=data.d_out, vectors=data.vectors)
    return Run(sae=sae, training=training, site=data.site, target=data.target)


def _begun_run(name: str, saved: Saved, data: TrainingData) -> Run:
    """The run as it was begun, whatever recipes say by now."""
    begun = begun_by(saved.about)
    for known, identity in data.identity().items():
        if begun.data.get(known) != identity:
            raise UserError(
                f"{known} is not the activation set any more on which {name} was begun.",
                "Begin anew with --replace.",
            )
    return msgspec.convert(begun.run, Run)


def _measured(
    spec: Train,
    workspace: Workspace,
    trained: Trained,
    metadata: SAEMetadata,
    *,
    data: TrainingData,
    progress: Progress,
) -> dict[str, float]:
    """Save the SAE, evaluate what was saved, and write the figures beside it.

    It is saved first: a run of hours must not be lost to an evaluation that fails.
    """
    folder = workspace.sae(spec.name)
    metadata = save_sae(trained.sae, folder, metadata, replace=spec.replace or spec.resume)
    sae, _ = load_sae(folder, trained.sae.W_dec.device)
    evaluation = evaluate_vectors(sae, data.held_out(progress), progress=progress)
    metrics = {"loss": trained.figures["loss"]}
    metrics |= figures(evaluation.metrics, training_l0=trained.figures["l0"])
    spliced = data.splice(sae, progress)
    metrics |= figures(spliced) if spliced else {}
    save_metadata(folder, msgspec.structs.replace(metadata, metrics=metrics))
    return metrics
