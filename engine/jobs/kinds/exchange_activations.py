"""The import and the export of activation sets, in the seed's format."""

import os
from pathlib import Path
from typing import Annotated

import msgspec

from engine.errors import UserError
from engine.files import check_absent
from engine.jobs.kinds.base import DeviceSpec, JobResult, register_kind
from engine.jobs.kinds.fields import Setting
from engine.workspace.folders import Workspace

__all__ = ["ExportActivations", "FilesResult", "ImportActivations"]


class FilesResult(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="files"):
    """The files that an import read or an export wrote, and the shapes of their tensors."""

    files: list[str]
    shapes: list[list[int]]


@register_kind
class ImportActivations(DeviceSpec, frozen=True, kw_only=True, tag="import-activations"):
    """Read activations_i.pt and metadata.json, the seed's format, as an activation set."""

    work = "engine.jobs.work.exchange_activations:import_activations"
    result = FilesResult

    name: str
    """What to call the activation set."""
    folder: Annotated[str, Setting(meaning="path")]
    """Where the files lie."""

    @property
    def subject(self) -> str:
        return self.name

    @property
    def details(self) -> str:
        return self.folder

    def makes(self, workspace: Workspace) -> set[Path]:
        return {workspace.activations(self.name)}

    def check(self, workspace: Workspace) -> None:
        check_absent(workspace.activations(self.name))
        if not os.path.isdir(self.folder):  # pathlib's raises for a name that is too long
            raise UserError(f"There is no folder {self.folder}.")


@register_kind
class ExportActivations(DeviceSpec, frozen=True, kw_only=True, tag="export-activations"):
    """Write an activation set as activations_i.pt and metadata.json, the seed's format."""

    work = "engine.jobs.work.exchange_activations:export_activations"
    result = FilesResult

    name: str
    """The activation set."""
    folder: Annotated[str, Setting(meaning="path")]
    """The folder to make."""

    @property
    def subject(self) -> str:
        return self.name

    @property
    def details(self) -> str:
        return self.folder

    def reads(self, workspace: Workspace) -> set[Path]:
        return {workspace.activations(self.name)}

    def makes(self, workspace: Workspace) -> set[Path]:
        return {Path(self.folder)}

    def check(self, workspace: Workspace) -> None:
        workspace.existing_activations(self.name)
        check_absent(Path(self.folder))
