"""An evaluation job: all that can be measured of an SAE, which is also kept in its metadata."""

import functools
import time
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from engine.activations.batches.stored import split_documents
from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.aligned import check_aligned
from engine.activations.store.row_summary import RowChoice, row_choice
from engine.jobs.kinds import Evaluate, EvaluateResult
from engine.jobs.work.given_rows import rows_given_to
from engine.jobs.work.stored_splice import splice_if_possible
from engine.model.device import choose_device
from engine.progress import SILENT, Progress
from engine.sae.evaluation.decoder_cosine import DecoderCosines, decoder_cosines
from engine.sae.evaluation.density import density_histogram
from engine.sae.evaluation.reconstruction import ReconstructionMetrics, evaluate, finite_metrics
from engine.sae.evaluation.splice import SpliceMetrics
from engine.sae.evaluation.vectors import StoredVectors
from engine.sae.formats.metadata import SAEMetadata, read_metadata
from engine.sae.formats.provenance import check_provenance, input_provenance, provenance_of
from engine.sae.formats.store import load_sae, save_metadata
from engine.workspace.folders import Workspace

_FIGURES = {
    "l0_gap",
    *(
        name
        for kind in (ReconstructionMetrics, DecoderCosines, SpliceMetrics)
        for name in kind.__struct_fields__
    ),
}


def evaluate_sae(spec: Evaluate, workspace: Workspace, progress: Progress) -> EvaluateResult:
    """Measure an SAE on activations and, where its model can be had, inside that.

    The figures are also kept in the SAE's metadata, in the place of older ones. Raises UserError
    for sets that are not of the same tokens, and for a model that is named and can't be had.
    """
    began = time.monotonic()
    name, folder = spec.activation_set(workspace), workspace.existing_sae(spec.sae)
    acts = ActivationSet.open(workspace.existing_activations(name))
    targets, target = None, spec.target_set(workspace)
    if target is not None:
        targets = ActivationSet.open(workspace.existing_activations(target))
        check_aligned([acts, targets])
    sae, metadata = load_sae(folder, choose_device(spec.device))
    reads = input_provenance(sae.config, metadata)
    for note in check_provenance(spec.sae, reads, name, provenance_of(acts.manifest)):
        progress.note(note)
    choice = row_choice(keep_sinks=spec.keep_sinks)
    split, rows = choose_rows(acts, metadata, targets=targets, choice=choice, progress=progress)
    rule, given = rows_given_to(spec.sae, metadata, acts, progress)
    if given is not None:
        rows = rows[torch.from_numpy(given)[rows]]
    evaluation = evaluate(sae, StoredVectors(acts, rows, targets), progress=progress)
    cosines = decoder_cosines(sae.W_dec, progress)
    spliced = splice_if_possible(
        sae,
        acts,
        rows,
        spec,
        targets=targets,
        choice=choice,
        rule=rule,
        model=spec.model,
        max_tokens=spec.max_tokens,
        seed=spec.seed,
        progress=progress,
    )
    known = finite_metrics(evaluation.metrics, training_l0=metadata.metrics.get("training_l0"))
    known |= finite_metrics(cosines) | (finite_metrics(spliced.metrics) if spliced else {})
    model_dtype = spliced.model_dtype if spliced else ""
    measured = msgspec.structs.replace(
        metadata,
        metrics=known,
        measured_on=name,
        measured_with_sinks=spec.keep_sinks,
        measured_dtype=model_dtype,
    )
    _save_figures(folder, metadata, measured, progress)
    answer = {
        **known,
        "sae": spec.sae,
        "activations": name,
        "target": target,
        "split": split,
        "keep_sinks": spec.keep_sinks,
        "row_summary": acts.measure_rows().summary,
        "vectors": evaluation.metrics.vectors,
        "predictions": spliced.metrics.predictions if spliced else None,
        "model_dtype": model_dtype,
        "stated": metadata.stated,
        "histogram": density_histogram(evaluation.density) if spec.histogram else None,
        "seconds": time.monotonic() - began,
    }
    return msgspec.convert(answer, EvaluateResult)


def choose_rows(
    acts: ActivationSet,
    metadata: SAEMetadata,
    *,
    targets: ActivationSet | None = None,
    choice: RowChoice = "text",
    progress: Progress = SILENT,
) -> tuple[str, Tensor]:
    """Which documents to use, as `EvaluateResult.split` says it, and their rows of the `choice`."""
    split = functools.partial(
        split_documents, acts, targets=targets, choice=choice, progress=progress
    )
    training = metadata.train_config
    if training is None or acts.folder.name != metadata.activations:
        everything, _ = split(0.0, 0)
        return "all", everything
    held_out = training.held_out if acts.manifest.documents > 1 else 0.0
    trained_on, held = split(held_out, training.seed)
    return ("held_out", held) if len(held) else ("trained_on", trained_on)


def _save_figures(
    folder: Path, metadata: SAEMetadata, measured: SAEMetadata, progress: Progress
) -> None:
    """Write the figures that were `measured` in the place of older ones, if this is still the SAE
    whose `metadata` was read."""
    now = read_metadata(folder)
    if _origin(now) != _origin(metadata):
        progress.note(f"{folder.name} was trained again meanwhile, so its figures are not kept.")
        return
    of_training = {name: value for name, value in now.metrics.items() if name not in _FIGURES}
    metrics = of_training | measured.metrics
    save_metadata(folder, msgspec.structs.replace(measured, metrics=metrics))


def _origin(metadata: SAEMetadata) -> SAEMetadata:
    return msgspec.structs.replace(
        metadata, metrics={}, measured_on="", measured_with_sinks=None, measured_dtype=""
    )
