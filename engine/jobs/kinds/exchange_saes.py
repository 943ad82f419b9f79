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


def _written_formats() -> tuple[str, ...]:
    from engine.sae.formats.libraries import WRITTEN

    return WRITTEN


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
    source: str = ""
    """Of what was fetched from the hub: owner/name/folder@commit."""


@register_kind
class ImportSAE(DeviceSpec, frozen=True, kw_only=True, tag="import-sae"):
    """Read an SAE or a transcoder that another library saved."""

    work = "engine.jobs.work.exchange_saes:import_sae"
    result = ExchangedSAE

    name: str
    """What to call the SAE."""
    source: Annotated[str, Setting(meaning="source")]
    """A folder or file; the name of a published SAE, RELEASE/ID, as `brainsurg published` lists
    them; or a place on the Hugging Face hub, owner/name, owner/name/folder, …@revision."""
    format: Annotated[str | None, Setting(choices=_formats)] = None
    """Whose layout it is in; if none is named, what its files tell."""
    model: Annotated[str | None, Setting(meaning="model")] = None
    """The model whose activations it reads, if its files don't tell: a folder, a hub id or
    `demo`."""
    site: str | None = None
    """Where in the model, if its files don't tell, such as resid_post.13."""
    target_site: str | None = None
    """For a transcoder: the site that it predicts, if its files don't tell, such as mlp_out.13."""
    layer: Annotated[int | None, Setting(least=0)] = None
    """Which layer, of a set that has a file for each (circuit-tracer, Qwen-Scope)."""
    k: Annotated[int | None, Setting(least=1)] = None
    """Features kept for each token, if its files don't tell (Qwen-Scope, circuit-tracer)."""

    @property
    def subject(self) -> str:
        return self.name

    @property
    def details(self) -> str:
        return f"from {self.source}"

    def makes(self, workspace: Workspace) -> set[Path]:
        return {workspace.sae(self.name)}

    def check(self, workspace: Workspace) -> None:
        from engine.sae.formats.libraries import library
        from engine.sae.formats.sources import check_source

        check_absent(workspace.sae(self.name))
        if self.format is not None:
            library(self.format)
        for site in (self.site, self.target_site):
            if site is not None:
                parse_site(site)
        check_source(self.source, self.format, self.layer)


@register_kind
class ExportSAE(DeviceSpec, frozen=True, kw_only=True, tag="export-sae"):
    """Write an SAE as another library saves its own, so that it can be loaded there."""

    work = "engine.jobs.work.exchange_saes:export_sae"
    result = ExchangedSAE

    name: str
    """The SAE."""
    folder: Annotated[str, Setting(meaning="path")]
    """The folder to make."""
    format: Annotated[str, Setting(flag="format", choices=_written_formats)]
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
