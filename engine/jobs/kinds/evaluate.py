"""An evaluation: how good an SAE is, on activations and inside its model."""

from pathlib import Path
from typing import Annotated

import msgspec

from engine.activations.store.manifest import read_manifest
from engine.activations.store.row_summary import RowSummary
from engine.errors import UserError
from engine.figures import Figure
from engine.jobs.kinds.base import JobResult, register_kind
from engine.jobs.kinds.checks import activation_set, target_set
from engine.jobs.kinds.fields import Setting
from engine.jobs.kinds.model import ModelSpec
from engine.sae.evaluation.density import DensityHistogram
from engine.sae.formats.info import read_config
from engine.sae.formats.metadata import read_metadata
from engine.sae.formats.provenance import (
    check_provenance,
    input_provenance,
    output_provenance,
    provenance_of,
)
from engine.sae.formats.stated_figures import StatedFigures
from engine.workspace.folders import Workspace

__all__ = ["Evaluate", "EvaluateResult"]


class EvaluateResult(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="evaluate"):
    """An SAE's figures; `engine.sae` says what each is, in `evaluate`, `decoder_cosine`, `splice`.

    None stands for what is not known: where there is no variance, no second feature, no model, or
    no record of training; and for a figure that is no finite number.
    """

    sae: str
    activations: str
    target: str | None = None
    split: str
    """Which of the set's documents were used: `held_out`, by the training; `trained_on`, because it
    held nothing out; or `all`, of another set than that of the training."""
    keep_sinks: bool = False
    """Whether sinks, BOS and special tokens are in the figures."""
    row_summary: RowSummary | None = None
    """How many of them the set has, and which norms are those of sinks."""
    vectors: int
    mse: Figure = None
    fvu: Figure = None
    explained_variance: Figure = None
    cosine: Figure = None
    norm_ratio: Figure = None
    l0: Figure = None
    active_threshold: float
    training_l0: Figure = None
    l0_gap: Figure = None
    """l0 − training_l0"""
    dead_fraction: Figure = None
    mean_decoder_cosine: Figure = None
    max_decoder_cosine: Figure = None
    ce_clean: Figure = None
    ce_sae: Figure = None
    ce_zero: Figure = None
    ce_score: Figure = None
    delta_ce: Figure = None
    kl: Figure = None
    predictions: int | None = None
    """What the figures from `ce_clean` on are means over."""
    model_dtype: str = ""
    """What the model computed in for them; empty without a model."""
    histogram: DensityHistogram | None = None
    stated: StatedFigures = StatedFigures()
    """What whoever published the SAE says of it, by the names of these fields."""
    seconds: float


@register_kind
class Evaluate(ModelSpec, frozen=True, kw_only=True, tag="evaluate"):
    """Measure how good an SAE is: on activations, and inside its model."""

    work = "engine.jobs.work.evaluate:evaluate_sae"
    result = EvaluateResult

    sae: str
    """The SAE."""
    activations: str | None = None
    """The set to measure on; if none is named, the one that the SAE was trained on. Of that one,
    only what training held out is used, if it held something out."""
    target: str | None = None
    """For a transcoder: the set that it predicts, captured in one go with the other; if none is
    named, the one that it learned to predict, or the other one of that capture."""
    model: Annotated[str | None, Setting(meaning="model")] = None
    """The model that the activations are of, if it lies elsewhere now."""
    max_tokens: Annotated[int, Setting(least=1)] = 65_536
    """How much text the model reads, in tokens; it reads whole windows of the capture."""
    histogram: bool = False
    """Count the features by density, too."""
    keep_sinks: bool = False
    """Measure on attention sinks, BOS and special tokens, too, and replace them in the model: for
    an SAE that was trained on them."""

    @property
    def subject(self) -> str:
        return self.sae

    @property
    def details(self) -> str:
        return f"over {self.activations or 'the set it was trained on'}"

    def activation_set(self, workspace: Workspace) -> str:
        """The name of the set that it reads. Raises UserError where that is not known."""
        return activation_set(self.sae, self.activations, workspace)

    def target_set(self, workspace: Workspace) -> str | None:
        """The name of the set that a transcoder is to predict; None where there is none."""
        return target_set(self.sae, self.target, self.activation_set(workspace), workspace)

    def reads(self, workspace: Workspace) -> set[Path]:
        sets = {self.activation_set(workspace), *filter(None, [self.target_set(workspace)])}
        return {workspace.sae(self.sae), *map(workspace.activations, sets)}

    def check(self, workspace: Workspace) -> None:
        folder = workspace.existing_sae(self.sae)
        config, metadata = read_config(folder), read_metadata(folder)
        name = self.activation_set(workspace)
        acts = read_manifest(workspace.existing_activations(name))
        check_provenance(self.sae, input_provenance(config, metadata), name, provenance_of(acts))
        predicted = self.target_set(workspace)
        if config.transcodes and predicted is None:
            raise UserError(
                f"{self.sae} is a transcoder: it predicts other activations than it reads.",
                "Name the set of what it predicts with --target; capture both sites in one go.",
            )
        if predicted is not None:
            if not config.transcodes:
                raise UserError(f"{self.sae} reconstructs what it reads.", "Leave out --target.")
            target = provenance_of(read_manifest(workspace.existing_activations(predicted)))
            wanted = output_provenance(config, metadata)
            check_provenance(self.sae, wanted, predicted, target, does="predicts")
        if self.max_tokens < 1:
            raise UserError(f"--max-tokens must be at least 1, and is {self.max_tokens}.")
