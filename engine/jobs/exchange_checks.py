"""What can be said against the import or export of an SAE before it is queued (no torch here)."""

from pathlib import Path

from engine.files import check_absent
from engine.jobs.specs import ExportSAE, ImportSAE
from engine.model.site import parse_site
from engine.sae.formats.hub import repository
from engine.sae.formats.info import read_config
from engine.sae.formats.libraries import check_writable, library, recognised
from engine.workspace.folders import Workspace


def check_import_sae(spec: ImportSAE, workspace: Workspace) -> None:
    """Raise UserError for an import that can't succeed."""
    check_absent(workspace.sae(spec.name))
    if spec.format is not None:
        library(spec.format)
    if spec.site is not None:
        parse_site(spec.site)
    if spec.is_local:
        recognised(Path(spec.source), spec.format)
    else:
        repository(spec.source)


def check_export_sae(spec: ExportSAE, workspace: Workspace) -> None:
    """Raise UserError for an export that can't succeed."""
    check_writable(read_config(workspace.existing_sae(spec.name)), spec.format)
    check_absent(Path(spec.folder))
