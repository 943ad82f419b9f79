"""A scan: the feature catalogue of an SAE, over an activation set."""

from pathlib import Path
from typing import Annotated

import msgspec

from engine.activations.store.manifest import read_manifest
from engine.activations.store.row_summary import RowSummary
from engine.errors import UserError
from engine.jobs.kinds.base import JobResult, register_kind
from engine.jobs.kinds.checks import activation_set
from engine.jobs.kinds.fields import Setting
from engine.jobs.kinds.model import ModelSpec
from engine.sae.formats.info import read_config
from engine.sae.formats.metadata import read_metadata
from engine.sae.formats.provenance import check_provenance, input_provenance, provenance_of
from engine.workspace.folders import Workspace

__all__ = ["Scan", "ScanResult"]


class ScanResult(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="scan"):
    """A feature catalogue was built."""

    sae: str
    activations: str
    features: int
    tokens: int
    alive: int
    """Features that were active at least once."""
    keep_sinks: bool = False
    """Whether sinks are in the figures."""
    row_summary: RowSummary | None = None
    """How many sinks the set has, and which norms are theirs."""
    seconds: float
    tokens_per_second: float


@register_kind
class Scan(ModelSpec, frozen=True, kw_only=True, tag="scan"):
    """Build the feature catalogue of an SAE: one pass over an activation set.

    A scan that was interrupted goes on where it stood.
    """

    work = "engine.jobs.work.scan:scan_sae"
    result = ScanResult
    resumable = True
    replaces = True

    sae: str
    """The SAE."""
    activations: str | None = None
    """The set to look at; if none is named, the one that the SAE was trained on."""
    top_k: Annotated[int, Setting(least=1)] = 20
    """How many of each feature's strongest examples to keep, each of another document."""
    radius: Annotated[int, Setting(least=0)] = 16
    """How many tokens on either side of an example to keep the activations of."""
    keep_sinks: bool = False
    """Count attention sinks, BOS and special tokens in the figures, too."""
    skip_token_effects: bool = False
    """Leave out which tokens each feature promotes and suppresses: of hundreds of thousands of
    features that takes longer than all else, as each is multiplied with the whole unembedding."""

    @property
    def subject(self) -> str:
        return self.sae

    @property
    def details(self) -> str:
        return f"over {self.activations or 'the set it was trained on'}"

    def activation_set(self, workspace: Workspace) -> str:
        """The name of the set that it reads. Raises UserError where that is not known."""
        return activation_set(self.sae, self.activations, workspace)

    def reads(self, workspace: Workspace) -> set[Path]:
        acts = self.activation_set(workspace)
        return {workspace.sae(self.sae), workspace.activations(acts)}

    def makes(self, workspace: Workspace) -> set[Path]:
        return {workspace.catalogue(self.sae)}

    def check(self, workspace: Workspace) -> None:
        folder = workspace.existing_sae(self.sae)
        reads = input_provenance(read_config(folder), read_metadata(folder))
        name = self.activation_set(workspace)
        if self.top_k < 1:
            raise UserError(f"--top-k must be at least 1, and is {self.top_k}.")
        if self.radius < 0:
            raise UserError(f"--radius can't be negative, and is {self.radius}.")
        manifest = read_manifest(workspace.existing_activations(name))
        check_provenance(self.sae, reads, name, provenance_of(manifest))
