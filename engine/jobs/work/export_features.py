"""An export job: the dashboards of features, as SAEDashboard writes them."""

import time
from pathlib import Path

import numpy as np

from engine.activations.store.tokens import TokenTable
from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.features.dashboards.write import write_dashboards
from engine.files import whole_folder
from engine.jobs.kinds import ExportedFeatures, ExportFeatures
from engine.jobs.work.model_of_job import load_model_of_job
from engine.model.device import choose_device
from engine.model.load import LanguageModel
from engine.model.locate import site_width
from engine.progress import Progress
from engine.sae.formats.provenance import site_written
from engine.sae.formats.store import load_sae
from engine.workspace.folders import Workspace


def export_features(
    spec: ExportFeatures, workspace: Workspace, progress: Progress
) -> ExportedFeatures:
    """Write the dashboards of features. The folder appears, whole, when all is written.

    Raises UserError where the model can't be had, or is of another width than the SAE.
    """
    catalogue = Catalogue.open(workspace.existing_catalogue(spec.sae))
    tokens = TokenTable.open(workspace.existing_activations(catalogue.manifest.activations))
    sae, metadata = load_sae(workspace.existing_sae(spec.sae), choose_device(spec.device))
    lm = _load_model(spec, catalogue, progress)
    site = site_written(sae.config, metadata, catalogue.manifest.site)
    d_sae, width = sae.W_dec.shape
    expected = lm.d_model if site is None else site_width(lm, site)
    if (d_sae, width) != (len(catalogue), expected):
        raise UserError(
            f"{spec.sae} has {d_sae} features that are {width} wide; {len(catalogue)} were"
            f" scanned, and {lm.source} is {expected} wide.",
            "Scan the SAE again, or name its model with --model.",
        )
    features = spec.features
    if features is None:
        features = np.flatnonzero(catalogue.columns["density"] > 0).tolist()
    began = time.monotonic()
    with whole_folder(Path(spec.folder)) as temporary:
        paths = write_dashboards(
            catalogue,
            tokens,
            sae.W_dec,
            lm,
            site,
            features=features,
            folder=temporary,
            sae=spec.sae,
            batch=spec.batch,
            progress=progress,
        )
    return ExportedFeatures(
        sae=spec.sae,
        folder=spec.folder,
        features=len(features),
        files=[path.name for path in paths],
        seconds=time.monotonic() - began,
    )


def _load_model(spec: ExportFeatures, catalogue: Catalogue, progress: Progress) -> LanguageModel:
    """The model of the scanned set. Raises UserError that says what the model is needed for."""
    source = spec.model or catalogue.manifest.model
    try:
        return load_model_of_job(
            source,
            spec,
            progress,
            joined_with=catalogue.manifest.activations,
            recorded_dtype=catalogue.manifest.model_dtype,
            recorded_quantisation=catalogue.manifest.quantisation,
        )
    except UserError as error:
        raise UserError(
            f"Dashboards show which tokens' logits a feature moves, and the model can't be had:"
            f" {error}",
            "" if spec.model else "If it lies elsewhere, name it with --model.",
        ) from error
