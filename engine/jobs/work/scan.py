"""A scan job: the feature catalogue of an SAE over an activation set."""

import time

from engine.activations.store.activation_set import ActivationSet
from engine.activations.store.row_summary import row_choice
from engine.errors import UserError
from engine.features.scan.scan import scan
from engine.jobs.kinds import Scan, ScanResult
from engine.jobs.work.given_rows import rows_given_to
from engine.jobs.work.model_of_job import load_model_of_job
from engine.model.device import choose_device
from engine.model.load import LanguageModel
from engine.progress import Progress
from engine.sae.formats.provenance import (
    check_provenance,
    input_provenance,
    provenance_of,
    site_written,
)
from engine.sae.formats.store import load_sae
from engine.workspace.folders import Workspace


def scan_sae(spec: Scan, workspace: Workspace, progress: Progress) -> ScanResult:
    """Build the feature catalogue of an SAE.

    One that is there is replaced when the new one is whole; a scan that was interrupted goes on.
    """
    name = spec.activation_set(workspace)
    acts = ActivationSet.open(workspace.existing_activations(name))
    sae, metadata = load_sae(workspace.existing_sae(spec.sae), choose_device(spec.device))
    reads = input_provenance(sae.config, metadata)
    for note in check_provenance(spec.sae, reads, name, provenance_of(acts.manifest)):
        progress.note(note)
    _, given = rows_given_to(spec.sae, metadata, acts, progress)
    lm = _load_model(spec, acts, progress)
    began = time.monotonic()
    manifest, encoded = scan(
        sae,
        acts,
        workspace.catalogue(spec.sae),
        top_k=spec.top_k,
        radius=spec.radius,
        seed=spec.seed,
        choice=row_choice(keep_sinks=spec.keep_sinks),
        given=given,
        lm=lm,
        site=site_written(sae.config, metadata, acts.manifest.site),
        unfinished=workspace.scan(spec.sae),
        replace=True,
        progress=progress,
    )
    elapsed = time.monotonic() - began
    return ScanResult(
        sae=spec.sae,
        activations=name,
        features=manifest.features,
        tokens=manifest.tokens,
        alive=manifest.alive,
        keep_sinks=manifest.keep_sinks,
        row_summary=manifest.row_summary,
        seconds=elapsed,
        tokens_per_second=encoded / elapsed,
    )


def _load_model(spec: Scan, acts: ActivationSet, progress: Progress) -> LanguageModel | None:
    """The model, or None if it isn't wanted, or with a note if it can't be had: the figures need
    only activations."""
    if spec.skip_token_effects or not acts.manifest.model:
        return None
    try:
        return load_model_of_job(
            acts.manifest.model,
            spec,
            progress,
            joined_with=acts.folder.name,
            recorded_dtype=acts.manifest.model_dtype,
            recorded_quantisation=acts.manifest.quantisation,
        )
    except UserError as error:
        progress.note(f"Promoted and suppressed tokens are left out: {error}")
        return None
