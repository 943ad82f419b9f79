"""An export of features: their dashboards, as SAEDashboard writes them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from engine.errors import UserError
from engine.features.validation import check_feature
from engine.files import check_absent
from engine.jobs.kinds.base import JobResult, register_kind
from engine.jobs.kinds.fields import Setting
from engine.jobs.kinds.model import ModelSpec
from engine.sae.formats.metadata import read_metadata
from engine.workspace.folders import Workspace

if TYPE_CHECKING:
    from engine.features.catalogue.catalogue import Catalogue

__all__ = ["ExportFeatures", "ExportedFeatures"]


class ExportedFeatures(
    JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="exported-features"
):
    """The dashboards that were written."""

    sae: str
    folder: str
    features: int
    files: list[str]
    """Their names in the folder."""
    seconds: float
    """Without loading the model."""


@register_kind
class ExportFeatures(ModelSpec, frozen=True, kw_only=True, tag="export-features"):
    """Write the dashboards of an SAE's features as SAEDashboard does, for Neuronpedia."""

    work = "engine.jobs.work.export_features:export_features"
    result = ExportedFeatures

    sae: str
    """The SAE; it must have been scanned."""
    folder: Annotated[str, Setting(meaning="path")]
    """The folder to make; it will hold batch-0.json, batch-1.json and so on."""
    features: list[int] | None = None
    """The features to export; if none is named, all that were ever active."""
    model: Annotated[str | None, Setting(meaning="model")] = None
    """The SAE's model, if it lies elsewhere now; dashboards need it."""
    batch: Annotated[int, Setting(least=1)] = 128
    """Features a file."""

    @property
    def subject(self) -> str:
        return self.sae

    @property
    def details(self) -> str:
        return self.folder

    def reads(self, workspace: Workspace) -> set[Path]:
        read = {workspace.sae(self.sae), workspace.catalogue(self.sae)}
        return read | {workspace.activations(self._catalogue(workspace).manifest.activations)}

    def makes(self, workspace: Workspace) -> set[Path]:
        return {Path(self.folder)}

    def check(self, workspace: Workspace) -> None:
        catalogue = self._catalogue(workspace)
        if not catalogue.manifest.complete:
            raise UserError(f"The scan of {self.sae} isn't complete.", "Wait for its end.")
        workspace.existing_activations(catalogue.manifest.activations)
        catalogue.check_reads_of(self.sae, read_metadata(workspace.existing_sae(self.sae)))
        if not (self.model or catalogue.manifest.model):
            raise UserError(
                f"{catalogue.manifest.activations} does not say which model it is of, and"
                " dashboards show which tokens' logits a feature moves.",
                "Name it with --model.",
            )
        if not catalogue.manifest.site:
            raise UserError(
                f"{catalogue.manifest.activations} does not say at which site it was captured, and"
                " dashboards name a layer."
            )
        for feature in self.features or ():
            check_feature(feature, len(catalogue), self.sae)
        if self.batch < 1:
            raise UserError(f"A file holds at least 1 feature, not {self.batch}.")
        if self.features == [] or not catalogue.manifest.alive:
            raise UserError("There is no feature to export.")
        check_absent(Path(self.folder))

    def _catalogue(self, workspace: Workspace) -> "Catalogue":
        # NumPy, which a front end needs late
        from engine.features.catalogue.catalogue import Catalogue

        return Catalogue.open(workspace.existing_catalogue(self.sae))
