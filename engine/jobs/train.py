"""A training job: an SAE from an activation set, saved, read again and evaluated."""

import msgspec

from engine.activations.batches import split_documents
from engine.activations.store import ActivationSet
from engine.errors import UserError
from engine.jobs.specs import Train, TrainResult
from engine.model.device import choose_device
from engine.progress import Progress
from engine.sae.config import TrainConfig
from engine.sae.recipes import recipe
from engine.sae.evaluate import evaluate
from engine.sae.metadata import SAEMetadata
from engine.sae.store import load_sae, save_metadata, save_sae
from engine.sae.train import Trained, train
from engine.sae.training import TrainingDiverged
from engine.workspace.folders import Workspace


def train_sae(spec: Train, workspace: Workspace, progress: Progress) -> TrainResult:
    """Do it. When the loss runs away, the last good state is kept as NAME-before-divergence."""
    acts = ActivationSet.open(workspace.existing_activations(spec.activations))
    sae_config, train_config = recipe(
        spec.arch,
        acts.d_model,
        len(acts),
        width=spec.width,
        k=spec.k,
        tokens=spec.tokens,
        batch=spec.batch,
        lr=spec.lr,
        seed=spec.seed,
    )
    device = choose_device(spec.device)
    metadata = _metadata(spec, acts, train_config)
    try:
        trained = train(sae_config, train_config, acts, device=device, progress=progress)
    except TrainingDiverged as error:
        kept = f"{spec.name}-before-divergence"
        save_sae(error.sae, workspace.sae(kept), metadata, replace=True)
        raise UserError(error.what, f"{error.do} It is kept as {kept}.") from error
    metadata = msgspec.structs.replace(metadata, trained_tokens=trained.tokens)
    metrics = _measured(spec, workspace, trained, metadata, acts=acts, progress=progress)
    return TrainResult(
        name=spec.name,
        arch=spec.arch,
        d_in=sae_config.d_in,
        d_sae=sae_config.d_sae,
        steps=trained.steps,
        tokens=trained.tokens,
        tokens_per_second=trained.tokens_per_second,
        metrics=metrics,
    )


def _measured(
    spec: Train,
    workspace: Workspace,
    trained: Trained,
    metadata: SAEMetadata,
    *,
    acts: ActivationSet,
    progress: Progress,
) -> dict[str, float]:
    """Save the SAE, evaluate what was saved, and write the figures beside it.

    It is saved first: a run of hours must not be lost to an evaluation that fails.
    """
    folder = workspace.sae(spec.name)
    save_sae(trained.sae, folder, metadata, replace=spec.replace)
    sae, _ = load_sae(folder, trained.sae.W_dec.device)
    rows = trained.held_rows
    if not len(rows):
        progress.note("No documents were held out: the figures are of the training vectors.")
        rows, _ = split_documents(acts, 0.0, spec.seed)
    figures = msgspec.structs.asdict(evaluate(sae, acts, rows, progress=progress))
    metrics = {"loss": trained.figures["loss"]} | {name: float(value) for name, value in figures.items()}
    save_metadata(folder, msgspec.structs.replace(metadata, metrics=metrics))
    return metrics


def _metadata(spec: Train, acts: ActivationSet, train_config: TrainConfig) -> SAEMetadata:
    manifest = acts.manifest
    return SAEMetadata(
        model=manifest.model,
        revision=manifest.revision,
        site=manifest.site,
        tokenizer=manifest.tokenizer,
        activations=spec.activations,
        context=manifest.context,
        train_config=train_config,
    )
