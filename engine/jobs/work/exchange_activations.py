"""The seed's format in and out."""

from pathlib import Path

from engine.activations.seed.format import (
    SeedFile,
    export_seed_activations,
    import_seed_activations,
)
from engine.activations.store.activation_set import ActivationSet
from engine.jobs.kinds import ExportActivations, FilesResult, ImportActivations
from engine.progress import Progress
from engine.workspace.folders import Workspace


def import_activations(
    spec: ImportActivations, workspace: Workspace, progress: Progress
) -> FilesResult:
    """Write an activation set from files of the seed's format. UserError for other files."""
    target = workspace.activations(spec.name)
    return _result(import_seed_activations(Path(spec.folder), target, progress=progress))


def export_activations(
    spec: ExportActivations, workspace: Workspace, progress: Progress
) -> FilesResult:
    """Write an activation set as files of the seed's format, each checked before it is read."""
    acts = ActivationSet.open(workspace.existing_activations(spec.name), verify=True)
    return _result(export_seed_activations(acts, Path(spec.folder), progress=progress))


def _result(files: list[SeedFile]) -> FilesResult:
    return FilesResult(files=[file.file for file in files], shapes=[file.shape for file in files])
