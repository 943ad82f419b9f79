"""A training: of an SAE or a transcoder, on an activation set or on a model that reads text."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec

from engine.activations.store.manifest import read_manifest
from engine.activations.store.row_summary import RowChoice, RowSummary, row_choice
from engine.errors import UserError
from engine.figures import Figure
from engine.jobs.kinds.base import JobResult, register_kind
from engine.jobs.kinds.checks import check_files, check_unchanged, file_names
from engine.jobs.kinds.fields import Setting
from engine.jobs.kinds.model import ModelSpec
from engine.model.dtypes import AUTO, MODEL_DTYPES, QUANTISATIONS
from engine.model.site import parse_site
from engine.sae.recipes import PRESETS, SETTINGS, recipe
from engine.sae.training.checkpoint import CheckpointRecord, newest_record
from engine.sae.training.devices import check_devices
from engine.sae.traits import ARCHITECTURES
from engine.workspace.folders import Workspace

__all__ = ["Train", "TrainResult"]

SOURCE, AUTOENCODER, TRAINING = "What to learn from", "The autoencoder", "The training"
"""Headings of settings."""

UNKNOWN_WIDTH = 1 << 20
"""Stands for the width of a model that isn't loaded: so wide that nothing is refused for it."""

MAY_CHANGE = frozenset(
    {"device", "device_map", "devices", "shards", "checkpoint_minutes", "replace", "resume"}
)
"""Fields of a spec that a training may go on with whatever they were."""


Split = Literal["held_out", "trained_on", ""]


class TrainResult(JobResult, msgspec.Struct, frozen=True, kw_only=True, tag="train"):
    """The trained SAE; `metrics` were measured from reloaded weights, on held-out documents where
    there are some."""

    name: str
    arch: str
    d_in: int
    d_sae: int
    steps: int
    tokens: int
    tokens_per_second: float
    metrics: dict[str, Figure]
    """Of the last step: loss. Of the activations of `split`: those of
    `engine.sae.evaluation.reconstruction`, among them fvu, explained_variance, l0 and
    dead_fraction. Where a model is at hand: ce_score, delta_ce, kl."""
    model_dtype: str = ""
    """What the model computed in whose activations it learned from; empty where that is unknown."""
    sinks: int | None = None
    """Attention sinks in the activations; of a training on text, in the first of it."""
    keep_sinks: bool = False
    """Whether it was trained on them, and measured on them."""
    row_summary: RowSummary | None = None
    """Which norms are those of sinks, and what the activations are."""
    split: Split = ""
    """What was measured on: `held_out`, or `trained_on` where nothing was held out; empty where
    nobody wrote it down, as in versions before."""


@register_kind
class Train(ModelSpec, frozen=True, kw_only=True, tag="train"):
    """Train a sparse autoencoder or a transcoder, save it and evaluate it.

    It learns from an activation set, or from what a model makes of text meanwhile. Settings that
    are left out follow the architecture's own recipe.
    """

    work = "engine.jobs.work.train:train"
    result = TrainResult
    resumable = True
    is_training = True

    name: str
    """What to call the SAE."""
    activations: Annotated[str, Setting(group=SOURCE)] = ""
    """The activation set to learn from."""
    target: Annotated[str | None, Setting(group=SOURCE)] = None
    """For a transcoder: the set to predict, captured in one go with the other."""
    model: Annotated[str | None, Setting(group=SOURCE, meaning="model")] = None
    """Without a set: a folder, a hub id, or `demo` for the embedded model."""
    model_dtype: Annotated[str, Setting(group=SOURCE, choices=lambda: MODEL_DTYPES)] = AUTO
    """What the model computes in. `auto` is what the activations were captured in; without a set,
    bfloat16 where that is measured to be faster, and else float32."""
    quantize: Annotated[str, Setting(group=SOURCE, choices=lambda: QUANTISATIONS)] = AUTO
    """What the model's weights are kept in: 8 bits (`int8`, `fp8`; needs torchao), or as its files
    have them (`none`). `auto` is what they were when the activations were captured; else `none`."""
    device_map: Annotated[str, Setting(group=SOURCE, meaning="source")] = ""
    """Spreads a model that is too large for one device over several (needs accelerate): `auto`,
    `balanced`, `balanced_low_0`, `sequential`, or a .json file of devices, `cpu` and `disk` by
    names of modules."""
    site: Annotated[str | None, Setting(group=SOURCE)] = None
    """Where to look in the model, such as resid_post.13."""
    target_site: Annotated[str | None, Setting(group=SOURCE)] = None
    """For a transcoder: the site to predict."""
    texts: Annotated[list[str], Setting(group=SOURCE, flag="text", meaning="path")] = []
    """Files or folders of documents: .txt, .jsonl, .json or .parquet."""
    dataset: Annotated[str | None, Setting(group=SOURCE)] = None
    """An id for the datasets library, where there is a network."""
    context: Annotated[int | None, Setting(group=SOURCE, least=1)] = None
    """Longest window of tokens in one forward pass; if nothing is said, what the model allows, at
    most 1,024."""
    keep_sinks: Annotated[bool, Setting(group=SOURCE)] = False
    """Learn from attention sinks, BOS and special tokens, too: from all that is finite."""
    arch: Annotated[
        str, Setting(group=AUTOENCODER, choices=lambda: ARCHITECTURES, sweep="", label="kind")
    ] = "topk"
    """The architecture."""
    preset: Annotated[str, Setting(group=TRAINING, choices=lambda: PRESETS, label="recipe")] = ""
    """A published recipe; our own if none is named."""
    width: Annotated[int | None, Setting(group=AUTOENCODER, sweep="w", label="features")] = None
    """Number of features."""
    k: Annotated[int | None, Setting(group=AUTOENCODER, sweep="k", label="k")] = None
    """How many features are active per token; `traits` says what that is to which architecture."""
    l1: Annotated[float | None, Setting(group=AUTOENCODER, sweep="l1-", label="L1 penalty")] = None
    """How much activations cost; `traits` says what that is to which architecture."""
    skip: Annotated[bool, Setting(group=AUTOENCODER)] = False
    """For a transcoder: a linear map beside the features."""
    tokens: Annotated[int | None, Setting(group=TRAINING, label="tokens")] = None
    """Training tokens of an SAE, counted with repetition."""
    batch: Annotated[int | None, Setting(group=TRAINING)] = None
    """Tokens per step."""
    lr: Annotated[float | None, Setting(group=TRAINING, sweep="lr", label="learning rate")] = None
    """Learning rate."""
    devices: Annotated[int, Setting(group=TRAINING)] = 1
    """How many GPUs train together, each on its share of every batch."""
    shards: Annotated[int, Setting(group=TRAINING)] = 1
    """In how many parts the features are shared out among them, where one GPU can't hold them
    all."""
    checkpoint_minutes: Annotated[float, Setting(group=TRAINING)] = 5.0
    """How often to save where it stands, in minutes."""
    resume: bool = False
    """Go on with a training that was interrupted, with the settings that it was begun with."""
    replace: bool = False
    """Put it in the place of an SAE, or of a training that was interrupted, of that name."""

    @property
    def subject(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        return f"train {self.name} ({self.arch})"

    @property
    def details(self) -> str:
        read = self.activations or f"{file_names(self.model or '')} at {self.site}"
        predicted = self.target or self.target_site
        return f"{self.arch} on {read}{f', predicting {predicted}' if predicted else ''}"

    @property
    def recipe_settings(self) -> dict[str, Any]:
        """What is said of the recipe, as `engine.sae.recipes.recipe` takes it."""
        same = [name for name in self.__struct_fields__ if name in SETTINGS]
        return {"architecture": self.arch, **{name: getattr(self, name) for name in same}}

    @property
    def choice(self) -> RowChoice:
        """Which rows of the activations it takes."""
        return row_choice(keep_sinks=self.keep_sinks)

    def reads(self, workspace: Workspace) -> set[Path]:
        return {workspace.activations(name) for name in (self.activations, self.target) if name}

    def makes(self, workspace: Workspace) -> set[Path]:
        return {workspace.sae(self.name)}

    def check(self, workspace: Workspace) -> None:
        if self.resume:
            self._check_unchanged(workspace)
        elif not self.replace:
            self._check_new(workspace)
        if not (math.isfinite(self.checkpoint_minutes) and self.checkpoint_minutes >= 0):
            raise UserError(f"--checkpoint-minutes is {self.checkpoint_minutes}.", "Choose some.")
        sae, training = recipe(**self.recipe_settings, **self._sizes(workspace))
        check_devices(sae, training.batch, self.devices, self.shards)

    def resumed_spec(self, workspace: Workspace) -> Self:
        """The training from its newest checkpoint, from the SAE if that was saved already, or from
        the beginning where there is neither yet."""
        has_checkpoint = newest_record(workspace.checkpoints(self.name)) is not None
        is_saved = workspace.sae(self.name).exists() and not self.replace
        return msgspec.structs.replace(self, resume=has_checkpoint or is_saved)

    def _sizes(self, workspace: Workspace) -> dict[str, Any]:
        """What is known of the data, as `engine.sae.recipes.recipe` takes it."""
        if not self.activations:
            self._check_stream()
            d_out = None if self.target_site is None else UNKNOWN_WIDTH
            return {"d_in": UNKNOWN_WIDTH, "d_out": d_out, "vectors": 1}
        self._check_no_stream()
        acts = read_manifest(workspace.existing_activations(self.activations))
        d_out = None
        if self.target is not None:
            d_out = read_manifest(workspace.existing_activations(self.target)).d_model
        return {"d_in": acts.d_model, "d_out": d_out, "vectors": acts.tokens}

    def _check_unchanged(self, workspace: Workspace) -> None:
        """UserError, by the name of the flag, for a setting that is another than at the start."""
        is_saved = workspace.sae(self.name).exists()
        if is_saved and newest_record(workspace.checkpoints(self.name)) is None:
            return  # it was interrupted at its very end; the job compares what it made
        start, _ = newest_start(self.name, workspace)
        check_unchanged(self.name, start.spec, self, MAY_CHANGE)

    def _check_new(self, workspace: Workspace) -> None:
        record = newest_record(workspace.checkpoints(self.name))
        if record is not None:
            raise UserError(
                f"{self.name} was begun before: there is a checkpoint of step {record.step:,} of"
                f" {record.steps:,}.",
                "Go on from it with --resume, or begin anew with --replace.",
            )
        folder = workspace.sae(self.name)
        if folder.exists():
            raise UserError(f"{folder} is already there.", "Choose another name.")

    def _check_no_stream(self) -> None:
        of_streams = (self.model, self.site, self.target_site, self.texts, self.dataset)
        if any((*of_streams, self.context)):
            raise UserError(
                "A training reads an activation set, or a model that reads text, and not both.",
                "Give either --activations, or --model, --site and --text.",
            )

    def _check_stream(self) -> None:
        if self.model is None or self.site is None:
            raise UserError(
                "There is nothing to learn from.",
                "Give either --activations, or --model, --site and --text.",
            )
        if self.target is not None:
            raise UserError("--target is an activation set.", "With --model, give --target-site.")
        for site in filter(None, (self.site, self.target_site)):
            parse_site(site)
        if (not self.texts) == (self.dataset is None):
            raise UserError(
                "A model reads text or a data set, and one of them.", "Give --text or --dataset."
            )
        check_files(self.texts)


class TrainingStart(msgspec.Struct, frozen=True, kw_only=True):
    """What a training was started with, as its checkpoints carry it."""

    spec: Train
    run: dict[str, Any]
    """The `engine.sae.training.runs.Run` that came of the spec."""
    data: dict[str, str]
    """Activation sets by name, and what tells each from others of that name."""
    choice: RowChoice = "behind_start"
    """Which rows it takes; trainings of older versions took sinks, too."""


def read_start(about: Mapping[str, Any]) -> TrainingStart:
    """The start that a checkpoint carries. UserError if this version can't understand it."""
    try:
        return msgspec.convert(about, TrainingStart)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UserError(
            f"The checkpoint can't be understood: {error}.", "Begin anew with --replace."
        ) from error


def newest_start(name: str, workspace: Workspace) -> tuple[TrainingStart, CheckpointRecord]:
    """What a training was started with, and its newest checkpoint. UserError if there is none."""
    record = newest_record(workspace.checkpoints(name))
    if record is None:
        raise UserError(
            f"There is no checkpoint of a training {name!r} to go on from.",
            "Train it without --resume.",
        )
    return read_start(record.about), record
