"""What the workspace holds, and changes to it."""

from typing import Literal

import msgspec

from engine.activations.store.row_summary import RowSummary
from engine.figures import Figure
from engine.service.protocol.request import Done, Request
from engine.workspace.prompts import SavedPrompt


class ActivationsInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An activation set, as lists show it."""

    name: str
    model: str
    site: str
    d_model: int
    tokens: int
    documents: int
    dtype: str
    """What the activations are stored in."""
    model_dtype: str = ""
    """What the model computed in; empty: unknown."""
    quantisation: str = ""
    """What its weights were stored in, such as Q4_1 of a GGUF file, or int8."""
    bytes: int
    origin: str
    """What was captured, in a sentence."""
    row_summary: RowSummary | None = None
    """What its rows are; None: not measured yet, as of a set of an older version."""


class SAEInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A sparse autoencoder, as lists show it."""

    name: str
    arch: str
    d_in: int
    d_sae: int
    k: int | None
    model: str
    site: str
    target_site: str = ""
    """What a transcoder predicts; empty: it is none, or that isn't known."""
    activations: str
    metrics: dict[str, Figure]
    scanned: bool
    """Whether its feature catalogue has been built."""
    keep_sinks: bool = False
    """Whether it was trained on sinks, too."""
    measured_with_sinks: bool = False
    """Whether sinks are in its metrics."""
    row_summary: RowSummary | None = None
    """What the activations are that it was trained on; None: not known."""


class ActivationsSummary(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The seed's summary table of a set."""

    name: str
    model: str = ""
    model_dtype: str = ""
    """What the model computed in; empty: unknown."""
    quantisation: str = ""
    """What its weights were stored in, such as Q4_1 of a GGUF file, or int8."""
    prompts: int
    average_tokens: float
    d_model: int
    vectors: int
    sinks: int | None = None
    """Attention sinks; None: not measured yet, as of a set of an older version that was not used
    since."""
    row_summary: RowSummary | None = None
    """Which norms are those of sinks, and what the rows are."""


class DamagedInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An activation set or SAE that can't be read, as lists show it."""

    kind: Literal["activations", "sae"]
    name: str
    problem: str
    """What is wrong with it, and what to do, in a sentence or two."""


class Contents(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All that a workspace holds, but for its jobs."""

    workspace: str
    prompts: list[SavedPrompt]
    activations: list[ActivationsInfo]
    saes: list[SAEInfo]
    damaged: list[DamagedInfo] = []
    """What can't be read, and is in neither list."""
    is_read_only: bool = False
    """Whether nothing can be changed in it."""


class GetContents(Request[Contents], frozen=True):
    """What does the workspace hold?"""


class GetSummary(Request[ActivationsSummary], frozen=True, kw_only=True):
    """The dataset statistics of one activation set."""

    name: str


class SavePrompt(Request[SavedPrompt], frozen=True, kw_only=True):
    """Add a prompt (id None) or change one."""

    id: int | None = None
    prompt: str
    category: str = ""


class DeletePrompt(Request[Done], frozen=True, kw_only=True):
    """Take a prompt out of the workspace."""

    id: int


class RestorePrompts(Request[Done], frozen=True, kw_only=True):
    """Put back the whole list as it was: what undo needs."""

    prompts: list[SavedPrompt]


class DeleteActivations(Request[Done], frozen=True, kw_only=True):
    """Remove an activation set from disk."""

    name: str


class DeleteSAE(Request[Done], frozen=True, kw_only=True):
    """Remove an SAE, its catalogue and its labels from disk."""

    name: str
