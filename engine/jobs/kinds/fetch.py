"""The download of a model, and of an SAE for it, ahead of their use."""

import os

import msgspec

from engine.errors import UserError
from engine.jobs.kinds.base import JobResult, JobSpec, register_kind
from engine.model.source import DEMO, model_address
from engine.workspace.folders import Workspace

__all__ = ["Fetch", "FetchResult"]


class FetchResult(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="fetched"):
    """What is on this machine now."""

    model: str
    revision: str
    """The commit."""
    folder: str
    files: int
    bytes: int
    downloaded_bytes: int
    """Of these, what came over the network now."""
    sae: str = ""
    """owner/name/folder@commit."""
    sae_path: str = ""
    seconds: float


@register_kind
class Fetch(JobSpec, msgspec.Struct, frozen=True, kw_only=True, tag="fetch", tag_field="kind"):
    """Download a model from the Hugging Face hub, and an SAE for it, ahead of their use.

    They come into the hub's cache, where all commands find them, without a network too. A download
    that was cut off or cancelled goes on where it stopped.
    """

    work = "engine.jobs.work.fetch:fetch"
    result = FetchResult
    resumable = True

    model: str
    """A hub id."""
    sae: str | None = None
    """As `import-sae` takes it: RELEASE/ID, or owner/name/folder."""
    revision: str | None = None
    """Of the model: a branch, a tag or a commit; if none is named, the newest."""
    layer: int | None = None
    """Of an SAE that is one of a set with a file for each layer."""

    @property
    def subject(self) -> str:
        return self.model

    @property
    def details(self) -> str:
        return f"and {self.sae}" if self.sae else ""

    def check(self, workspace: Workspace) -> None:
        if self.model == DEMO or os.path.exists(os.path.expanduser(self.model)):
            raise UserError(f"{self.model} is on this machine.", "It need not be fetched.")
        model_address(self.model)
        if self.sae is not None:
            from engine.sae.formats.sources import check_source

            check_source(self.sae, None, self.layer)

    def resume_hint(self, id: int) -> str:
        return f"What came is kept. Go on with: brainsurg jobs resume {id}"
