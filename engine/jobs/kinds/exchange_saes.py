"""The import and the export of SAEs, in the formats of other libraries."""

from pathlib import Path
from typing import Annotated

import msgspec

from engine.files import check_absent
from engine.jobs.kinds.base import DeviceSpec, JobResult, register_kind
from engine.jobs.kinds.fields import Setting
from engine.model.site import parse_site
from engine.workspace.folders import Workspace

__all__ = ["ExchangedSAE", "ExportSAE", "ImportSAE"]


def _formats() -> tuple[str, ...]:
    from engine.sae.formats.libraries import FORMATS  # a front end needs them for a help text only

    return FORMATS


class ExchangedSAE(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="exchanged-sae"):
    """The SAE that was imported or exported."""

    name: str
    arch: str
    """As it was trained."""
    d_in: int
    d_sae: int
    k: int | None
    model: str
    site: str
    """Empty where its files don't tell, as is `model`."""
    target_site: str = ""
    """For a transcoder: the site that it predicts."""
    format: str


@register_kind
class ImportSAE(DeviceSpec, frozen=True, kw_only=True, tag="import-sae"):
    """Read an SAE or a transcoder that another library saved."""

    work = "engine.jobs.work.exchange_saes:import_sae"
    result = ExchangedSAE

    name: str
    """What to call the SAE."""
    source: Annotated[str, Setting(meaning="source")]
    """A folder or file, or on the Hugging Face hub owner/name or owner/name:folder."""
    format: Annotated[str | None, Setting(choices=_formats)] = None
    """Whose layout it is in; if none is named, what its files tell."""
    model: Annotated[str | None, Setting(meaning="model")] = None
    """The model whose activations it reads, if its files don't tell: a folder, a hub id or
    `demo`."""
    site: str | None = None
    """Where in the model, if its files don't tell, such as resid_post.13."""
    target_site: str | None = None
    """For a transcoder: the site that it predicts, if its files don't tell, such as mlp_out.13."""

    @property
    def is_local(self) -> bool:
        """Whether the source is a path."""
        return self.source.startswith("/")

    @property
    def subject(self) -> str:
        return self.name

    @property
    def details(self) -> str:
        return f"from {self.source}"

    def makes(self, workspace: Workspace) -> set[Path]:
        return {workspace.sae(self.name)}

    def check(self, workspace: Workspace) -> None:
        from engine.sae.formats.hub import repository
        from engine.sae.formats.libraries import library, recognise

        check_absent(workspace.sae(self.name))
        if self.format is not None:
            library(self.format)
        for site in filter(None, (self.site, self.target_site)):
            parse_site(site)
        if self.is_local:
            recognise(Path(self.source), self.format)
        else:
            repository(self.source)


@register_kind
class ExportSAE(DeviceSpec, frozen=True, kw_only=True, tag="export-sae"):
    """Write an SAE as another library saves its own, so that it can be loaded there."""

    work = "engine.jobs.work.exchange_saes:export_sae"
    result = ExchangedSAE

    name: str
    """The SAE."""
    folder: Annotated[str, Setting(meaning="path")]
    """The folder to make."""
    format: Annotated[str, Setting(flag="format", choices=_formats)]
    """Whose layout to write."""

    @property
    def subject(self) -> str:
        return self.name

    @property
    def details(self) -> str:
        return f"{self.folder}, as {self.format}"

    def reads(self, workspace: Workspace) -> set[Path]:
        return {workspace.sae(self.name)}

    def makes(self, workspace: Workspace) -> set[Path]:
        return {Path(self.folder)}

    def check(self, workspace: Workspace) -> None:
        from engine.sae.formats.info import read_config
        from engine.sae.formats.libraries import check_writable

        check_writable(read_config(workspace.existing_sae(self.name)), self.format)
        check_absent(Path(self.folder))
