"""What can be said against the export of features before it is queued (no torch here)."""

from pathlib import Path

from engine.errors import UserError
from engine.features.catalogue.catalogue import Catalogue
from engine.files import check_absent
from engine.jobs.specs import ExportFeatures
from engine.workspace.folders import Workspace


def check_export_features(spec: ExportFeatures, workspace: Workspace) -> None:
    """Raise UserError for an export that can't succeed."""
    catalogue = Catalogue.open(workspace.existing_catalogue(spec.sae))
    if not catalogue.manifest.complete:
        raise UserError(f"The scan of {spec.sae} isn't complete.", "Wait for its end.")
    workspace.existing_activations(catalogue.manifest.activations)
    if not (spec.model or catalogue.manifest.model):
        raise UserError(
            f"{catalogue.manifest.activations} does not say which model it is of, and dashboards"
            " show which tokens' logits a feature moves.",
            "Name it with --model.",
        )
    if not catalogue.manifest.site:
        raise UserError(
            f"{catalogue.manifest.activations} does not say at which site it was captured, and"
            " dashboards name a layer."
        )
    for feature in spec.features or ():
        if not 0 <= feature < len(catalogue):
            raise UserError(
                f"There is no feature {feature}.",
                f"The features of {spec.sae} are 0 to {len(catalogue) - 1}.",
            )
    if spec.batch < 1:
        raise UserError(f"A file holds at least 1 feature, not {spec.batch}.")
    if spec.features == [] or not catalogue.manifest.alive:
        raise UserError("There is no feature to export.")
    check_absent(Path(spec.folder))


def scanned_set(sae: str, workspace: Workspace) -> str:
    """The activation set that an SAE was scanned over."""
    return Catalogue.open(workspace.existing_catalogue(sae)).manifest.activations
